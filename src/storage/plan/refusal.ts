import path from 'node:path';
import { UserError } from '../../core/errors.ts';
import type { ObservedVolume } from '../../docker/types.ts';
import { isFolderOf } from '../../stack/storage.ts';

/** What the volumes of a stack are, beside what the settings ask for. */
export interface Misplaced {
  /** With plain data, where the settings ask for encryption. */
  plain: string[];
  /** In the encrypted folder, where the settings no longer ask for it. */
  encrypted: string[];
  /** Bound to an encrypted folder in another place: the one that was here before it was moved. */
  astray: string[];
}

/** What an override of the operator's mounts in its place is theirs, and no copy of the data. */
function isAstray(folder: string | undefined, device: string | undefined): boolean {
  if (folder === undefined || device === undefined || device === folder) return false;
  return isFolderOf(path.basename(folder), device);
}

/**
 * @param wanted the volumes of the stack, as the engine names them -> their folder; undefined where a volume is not to be encrypted
 * @param folder where encrypted folders of the project are, or were
 */
export function misplaced(wanted: ReadonlyMap<string, string | undefined>, volumes: readonly ObservedVolume[], folder: string): Misplaced {
  const seen = volumes.filter(({ name }) => wanted.has(name));
  return {
    plain: seen.filter(({ name, device }) => wanted.get(name) !== undefined && device === undefined).map(({ name }) => name),
    astray: seen.filter(({ name, device }) => isAstray(wanted.get(name), device)).map(({ name }) => name),
    encrypted: seen
      .filter(({ name, device }) => wanted.get(name) === undefined && device?.startsWith(`${folder}/`))
      .map(({ name }) => name),
  };
}

/** Undefined where all volumes are what the settings ask for. */
export function misplacedRefusal({ plain, encrypted, astray }: Misplaced): UserError | undefined {
  if (astray.length > 0)
    return new UserError(
      'FOREIGN_STATE',
      `${astray.join(', ')} ${astray.length > 1 ? 'lead' : 'leads'} to an encrypted folder in another place than the settings name (\`storage.path\`, \`project\`); nothing was changed`,
      `return to the old setting; or, where that folder was moved: medianest down, docker volume rm ${astray.join(' ')}, which removes no data, and medianest up`,
    );
  if (plain.length > 0)
    return new UserError(
      'FOREIGN_STATE',
      `\`storage.encrypt\` is on, and ${plain.join(', ')} ${plain.length > 1 ? 'hold data that is' : 'holds data that is'} not encrypted; nothing was changed`,
      'move it: medianest down, sudo medianest storage encrypt, medianest up; or set `storage: { encrypt: false }`',
    );
  if (encrypted.length > 0)
    return new UserError(
      'FOREIGN_STATE',
      `\`storage.encrypt\` is off, and ${encrypted.join(', ')} ${encrypted.length > 1 ? 'are' : 'is'} encrypted; nothing was changed`,
      'set `storage: { encrypt: true }`; or move the data: medianest down, sudo medianest storage decrypt, medianest up',
    );
  return undefined;
}

/**
 * Volumes lead to an encrypted folder that is not there: its disk is away, and the state folder that knew of it is lost.
 * @param within where the folders of volumes would be; undefined where none does
 */
export function lostRefusal(folder: string, within: string, volumes: readonly ObservedVolume[]): UserError | undefined {
  const names = volumes.filter(({ device }) => device?.startsWith(`${within}/`)).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return new UserError(
    'FOREIGN_STATE',
    `${names.join(', ')} ${names.length > 1 ? 'lead' : 'leads'} into an encrypted folder in ${folder}, and there is none; nothing was changed`,
    `mount the disk that it is on, and run the same command again; if it is lost for good: docker volume rm ${names.join(' ')}, which removes no data`,
  );
}

import { chownSync, readdirSync, type Stats, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { exists, statOptional } from '../../core/files.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { StateFolder } from '../../state/state.ts';
import type { Catalogue } from '../plan/backup-sets.ts';
import { isOwnerRefusal, ownerlessName, ownerlessRefusal } from '../plan/repository-disk.ts';

const REPOSITORY_UID = 10002;

/**
 * Where the repository is a folder of this host: it is there, is what it was, and is not on the data's own disk.
 * @param fill it may be empty: it is about to be brought back
 * @throws UserError REPOSITORY_AWAY; nothing was changed
 */
export async function checkLocalFolder(context: Context, state: StateFolder, loaded: Loaded, fill = false): Promise<void> {
  const own = loaded.settings.backup as BackupSettings | undefined;
  if (!own) return;
  const known = state.readJson<Catalogue>('backups.json', 'sets are read from the repository again')?.repository;
  if (own.local.kind === 'folder' && own.local.path) {
    const folder = path.resolve(loaded.root, own.local.path);
    await checkFolder(context, folder, 'backup.local', own.local.sameDisk);
    if (known && !fill && !exists(path.join(folder, 'repository.id'))) throw unmounted(folder, 'backup.local');
    if (!context.flags.dryRun) claim(folder, 'backup.local');
  }
}

/** @throws UserError REPOSITORY_AWAY */
async function checkFolder(context: Context, folder: string, setting: string, sameDisk: boolean): Promise<void> {
  const own = statOptional(folder);
  if (!own?.isDirectory())
    throw new UserError(
      'REPOSITORY_AWAY',
      `${setting} names ${folder}, and there is no such folder; nothing was changed`,
      `mount the disk, or make the folder; or correct \`${setting}.path\``,
    );
  const ownerless = ownerlessName(statfsSync(folder).type);
  if (ownerless) throw ownerlessRefusal(folder, setting, ownerless, REPOSITORY_UID);
  if (sameDisk) return;
  const docker = await context.docker();
  const { stdout } = await docker.run(['info', '--format', '{{.DockerRootDir}}']);
  const data = stdout.trim();
  if (diskOf(data, setting)?.dev !== own.dev) return;
  throw new UserError(
    'REPOSITORY_AWAY',
    `${setting} names ${folder}, which is on the same disk as the data (${data}): the backups would be lost with it, or the disk is not mounted; nothing was changed`,
    `mount another disk there, or say that it is meant: \`${setting}.sameDisk: true\``,
  );
}

/** Of the engine's data; undefined where that is not on this host. */
function diskOf(data: string, setting: string): Stats | undefined {
  try {
    return statOptional(data);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      'REPOSITORY_AWAY',
      `whether ${setting} is on the same disk as the data cannot be told: ${error.message}; nothing was changed`,
      `${error.hint}; or say that it does not matter: \`${setting}.sameDisk: true\``,
      { cause: error },
    );
  }
}

const unmounted = (folder: string, setting: string): UserError =>
  new UserError(
    'REPOSITORY_AWAY',
    `${folder} contains no repository, and ${setting} had one: its disk is not mounted; nothing was changed`,
    'mount it; or, if the repository is given up, remove backups.json from the state folder',
  );

/** A folder that is still empty is given to the repository's user. @throws UserError REPOSITORY_AWAY where its disk does not keep that */
function claim(folder: string, setting: string): void {
  const isOwn = () => statSync(folder).uid === REPOSITORY_UID;
  if (process.getuid?.() !== 0 || isOwn() || !readdirSync(folder).every((name) => name === 'lost+found')) return;
  try {
    chownSync(folder, REPOSITORY_UID, REPOSITORY_UID);
  } catch (error) {
    const code = systemCode(error);
    if (isOwnerRefusal(code)) throw ownerlessRefusal(folder, setting, `chown: ${code}`, REPOSITORY_UID, error);
    throw error;
  }
  // Some drivers of NTFS do nothing, and let all users write.
  if (!isOwn() && (statSync(folder).mode & 0o002) === 0) throw ownerlessRefusal(folder, setting, 'chown has no effect', REPOSITORY_UID);
}

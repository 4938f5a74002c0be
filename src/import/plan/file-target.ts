import { UserError } from '../../core/errors.ts';
import { withRole } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';

/** A volume of the application, and whom its files belong to. */
export interface FileTarget {
  /** As `--to` has it. */
  name: string;
  /** The stack’s name of the volume. */
  source: string;
  uid: number;
  gid: number;
}

/** Volumes that files can be imported into: the uploads, and those of `app.volumes` and of other processes that all replicas share. */
export function fileTargets({ services }: Pick<Stack, 'services'>): FileTarget[] {
  const found = withRole(services, 'application').flatMap(({ mounts, uid, gid }) =>
    mounts
      .filter(({ kind, readOnly }) => kind === 'volume' && !readOnly)
      .flatMap(({ source }): FileTarget[] => {
        const own = /^own-([^.]+)$/.exec(source)?.[1];
        const name = own ?? (source.startsWith('own-') ? undefined : source);
        return name === undefined ? [] : [{ name, source, uid, gid: gid ?? uid }];
      }),
  );
  return found.filter((target, index) => found.findIndex(({ source }) => source === target.source) === index);
}

/** @throws UserError USAGE where there is none of that name */
export function fileTarget(stack: Pick<Stack, 'services'>, name: string): FileTarget {
  const all = fileTargets(stack);
  const found = all.find((target) => target.name === name);
  if (found) return found;
  throw new UserError(
    'USAGE',
    `--to ${name}: the application has no such volume that all its replicas share`,
    all.length > 0 ? `one of ${all.map((target) => target.name).join(', ')}; more of them: app.volumes` : 'app.volumes in medianest.yml',
  );
}

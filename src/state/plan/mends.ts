import { certificatesOf } from '../../stack/certificates.ts';
import type { Service } from '../../stack/types.ts';

/** A folder of the state folder that containers mount, and what in it is for one user alone. */
export interface MountedFolder {
  /** Relative to the state folder. */
  path: string;
  /** `secrets`: its files. `certificate`: the key. The rest is read by any container's user. */
  holds: 'secrets' | 'certificate' | 'anything';
  /** Whose container reads what is private. */
  uid: number;
}

/** A file or folder in it, as it is. */
export interface Seen {
  path: string;
  folder: boolean;
  mode: number;
  uid: number;
}

/** A file or folder that its container cannot read, or that others could, and how it has to be. */
export interface Mend {
  path: string;
  mode: number;
  /** Its owner; undefined where any will do. */
  uid?: number;
}

const CERTIFICATES = 'certs/';

/** The state folder itself, as a path in it. */
export const ROOT = '.';
/** What its owner alone may look at, though no container mounts it: a closed folder protects what is in it. */
export const PRIVATE: readonly string[] = [ROOT, 'secrets.json', 'ca/root.json'];

/** What closes it to all but its owner; undefined where it is closed. */
export function closing({ path, folder, mode }: Pick<Seen, 'path' | 'folder' | 'mode'>): Mend | undefined {
  return (mode & 0o077) === 0 ? undefined : { path, mode: folder ? 0o700 : 0o600 };
}

/** Every folder of the state folder that these services mount, once. */
export function mountedFolders(services: readonly Service[]): MountedFolder[] {
  const found = new Map<string, MountedFolder>();
  const add = (path: string, holds: MountedFolder['holds'], uid: number) => {
    if (!found.has(path)) found.set(path, { path, holds, uid });
  };
  // Whose certificate it is comes first: others may mount it as well.
  for (const service of services) for (const { name } of certificatesOf(service)) add(`${CERTIFICATES}${name}`, 'certificate', service.uid);
  for (const service of services) {
    add(`config/${service.name}`, 'anything', service.uid);
    if (service.secrets.length > 0) add(`secrets/${service.name}`, 'secrets', service.uid);
    if (service.trust) add('ca/trust', 'anything', service.uid);
    for (const { kind, source } of service.mounts)
      if (kind === 'bind' && source.startsWith('./')) {
        const path = source.slice(2);
        add(path, path.startsWith(CERTIFICATES) ? 'certificate' : 'anything', service.uid);
      }
  }
  return [...found.values()];
}

/** Whether a folder inside one that is mounted is looked into: a write that is in progress, and the key of a request to a CA, are not for containers. */
export const isForContainers = ({ holds }: MountedFolder, name: string): boolean =>
  !name.startsWith('.staging.') && !(holds === 'certificate' && name === 'request');

/**
 * What has to be set so that the container can read it and others cannot; undefined where it is good.
 * @param self who runs this. Where that is not root, the engine may give files of containers other numbers (a rootless one does):
 *   only its own and root's are known to be wrong, as a plain copy leaves them
 */
export function mendOf({ path, folder, mode, uid }: Seen, { holds, uid: reader }: MountedFolder, self: number): Mend | undefined {
  const bits = mode & 0o777;
  const privately = !folder && (holds === 'secrets' || (holds === 'certificate' && path.endsWith('/privkey.pem')));
  if (privately) {
    const foreign = uid !== reader && (self === 0 || uid === self || uid === 0);
    return foreign || bits !== 0o400 ? { path, mode: 0o400, uid: reader } : undefined;
  }
  const [needed, usual] = folder ? [0o555, 0o755] : [0o444, 0o644];
  return (bits & needed) === needed ? undefined : { path, mode: bits | usual };
}

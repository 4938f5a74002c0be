import path from 'node:path';
import type { Settings } from '../settings/schema.ts';
import { volumeName } from './labels.ts';
import type { Mount, Stack } from './types.ts';

/** What a project has in `storage.path`: the header with the wrapped key, and beside it the folder that the kernel encrypts. */
export const storageFolder = ({ storage, project }: Pick<Settings, 'storage' | 'project'>): string => path.join(storage.path, project);

/** The name of the encrypted folder in it. */
export const ENCRYPTED = 'data';

/** In the encrypted folder, the folder with one for each volume: while the key is away, the kernel knows no such name. */
export const volumesFolder = (settings: Pick<Settings, 'storage' | 'project'>): string =>
  path.join(storageFolder(settings), ENCRYPTED, 'volumes');

export const mountsOf = (stack: Stack, volume: string): Mount[] =>
  stack.services.flatMap(({ mounts }) => mounts.filter((mount) => mount.kind === 'volume' && mount.source === volume));

export const outlives = (stack: Stack, volume: string): boolean => mountsOf(stack, volume).some((mount) => mount.outlives);

/**
 * How Docker's own driver mounts a folder of the host. It mounts at each start of a container, and a folder that is not there fails the
 * start: so does one whose name cannot be read without the key.
 */
export const folderDriverOptions = (folder: string) => ({ type: 'none', o: 'bind', device: folder });

/** Whether a folder in an encrypted one was made for a volume that is no part of a stack: it has the volume's whole name. */
export const isFolderOf = (volume: string, folder: string): boolean => volume !== '' && folder.endsWith(`/${ENCRYPTED}/volumes/${volume}`);

/** Undefined where the volume is not encrypted: on an NFS server, or the repository of backups, which has its own encryption. */
export const encryptedDriverOptions = (stack: Stack, volume: string): ReturnType<typeof folderDriverOptions> | undefined =>
  stack.encryptedIn === undefined || outlives(stack, volume) || mountsOf(stack, volume).some(({ nfs }) => nfs)
    ? undefined
    : folderDriverOptions(path.join(stack.encryptedIn, volume));

/** Encrypted volumes, as the engine names them -> their folder. */
export const encryptedVolumes = (stack: Stack): Map<string, string> =>
  new Map(
    stack.volumes.flatMap((volume) => {
      const options = encryptedDriverOptions(stack, volume);
      return options ? [[volumeName(stack.project, volume), options.device] as const] : [];
    }),
  );

import { existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { ask, encryptionOf } from './host-encryption.ts';
import { hostMounts, mountOf } from './host-mounts.ts';
import type { StorageFacts } from './plan/facts.ts';

/** The file system below a folder; of one that is not there yet, below the nearest that is. Undefined where it cannot be seen. */
export function storageOf(folder: string): StorageFacts | undefined {
  const there = nearest(folder);
  const mounts = hostMounts();
  const mount = mountOf(there, mounts);
  if (!mount) return undefined;
  try {
    const { bsize, blocks, bavail, files, ffree } = statfsSync(there);
    return {
      path: folder,
      type: mount.type,
      point: mount.point,
      options: mount.options,
      freeBytes: bavail * bsize,
      sizeBytes: blocks * bsize,
      freeFiles: files > 0 ? ffree : undefined,
      encryption: encryptionOf(there, { sys: '/sys', mounts, ask }),
    };
  } catch {
    return undefined;
  }
}

export const nearest = (folder: string): string =>
  folder === path.dirname(folder) || existsSync(folder) ? folder : nearest(path.dirname(folder));

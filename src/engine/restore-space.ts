import { existsSync, statfsSync } from 'node:fs';
import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { BackupSet } from '../plan/backup-sets.ts';

/** The old and the new are both there for a while. @throws UserError DISK_FULL; nothing was changed */
export async function refuseTooSmall(context: Context, set: BackupSet): Promise<void> {
  const docker = await context.docker();
  const root = (await docker.run(['info', '--format', '{{.DockerRootDir}}'])).stdout.trim();
  if (!existsSync(root)) return;
  const { bavail, bsize } = statfsSync(root);
  const needed = set.parts.db.sizeBytes * 1.2;
  if (bavail * bsize >= needed) return;
  const gib = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  throw new UserError(
    'DISK_FULL',
    `the database of ${set.id} needs ${gib(needed)} while it is restored, and ${root} has ${gib(bavail * bsize)} left; nothing was changed`,
    'free some space, or restore a part: --only files',
  );
}

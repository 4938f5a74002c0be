import path from 'node:path';
import { handOverArgv } from '../../docker/plan/own.ts';
import type { Service } from '../../stack/types.ts';
import { ownerOf, restoredBytes } from '../plan/restic.ts';
import { type JobMount, mustRun, type Workbench } from '../repository/job.ts';
import { mustRestic, type Repository } from '../repository/restic.ts';

/** Files get their owner, mode and times back, so it is root, with these alone. */
const RESTORER = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETFCAP'];

/** Restores a part of a snapshot into a volume, which then contains only that. */
export async function restoreFiles(
  bench: Workbench,
  repository: Repository,
  snapshot: string,
  from: string,
  to: JobMount,
  verify = false,
): Promise<void> {
  const how = ['--delete', '--overwrite', 'if-changed', '--sparse', ...(verify ? ['--verify'] : [])];
  const args = ['restore', '--no-lock', '--quiet', `${snapshot}:${from}`, '--target', to.target, ...how];
  const mounts = repository.mounts.map((mount) => ({ ...mount, readOnly: true }));
  await mustRestic(bench, { ...repository, mounts }, args, { mounts: [to], capabilities: RESTORER, name: 'restore-files' });
}

/**
 * Gives what belonged to the application's user when the set was made to the user that it runs as now. What belonged to others stays
 * theirs: a set that is restored for the same user is restored as it was.
 */
export async function giveFiles(
  bench: Workbench,
  repository: Repository,
  snapshot: string,
  from: string,
  at: JobMount,
  user: Pick<Service, 'uid' | 'gid'> | undefined,
): Promise<void> {
  if (!user) return;
  const args = ['ls', '--no-lock', '--quiet', '--json', snapshot, path.posix.dirname(from)];
  const { stdout } = await mustRestic(bench, repository, args, { name: 'ls' });
  // `up` gives the folder itself to the application's user.
  const then = ownerOf(stdout, from);
  if (then === undefined || then === user.uid) return;
  const argv = handOverArgv(at.target, then, user.uid, user.gid ?? user.uid);
  await mustRun(bench, { name: 'give-files', argv, mounts: [at], capabilities: RESTORER });
}

/** How many bytes of a part of a snapshot are not in a volume, or are others there. Changes nothing. */
export async function missingFiles(
  bench: Workbench,
  repository: Repository,
  snapshot: string,
  from: string,
  at: JobMount,
): Promise<number> {
  const args = ['restore', '--dry-run', '--json', '--no-lock', `${snapshot}:${from}`, '--target', at.target, '--overwrite', 'if-changed'];
  const mounts = [{ ...at, readOnly: true }];
  const { stdout } = await mustRestic(bench, repository, args, { mounts, capabilities: ['DAC_READ_SEARCH'], name: 'missing-files' });
  return restoredBytes(stdout);
}

/** The parts that a snapshot has: `uploads`, `redis/redis-1`, `volumes/own-data`. */
export async function snapshotParts(bench: Workbench, repository: Repository, snapshot: string): Promise<string[]> {
  const { stdout } = await mustRestic(
    bench,
    repository,
    ['ls', '--no-lock', '--quiet', snapshot, '/source', '/source/redis', '/source/volumes'],
    {
      name: 'ls',
    },
  );
  return stdout.split('\n').flatMap((line) => (line.startsWith('/source/') ? [line.slice('/source/'.length)] : []));
}

/** What a node held becomes the append-only file that it starts from. @param identity whether it is the same node of the same cluster again */
export async function restoreNode(
  bench: Workbench,
  repository: Repository,
  snapshot: string | undefined,
  from: string,
  to: JobMount,
  identity: boolean,
): Promise<void> {
  const at = { ...to, target: '/node' };
  if (snapshot) await restoreFiles(bench, repository, snapshot, from, at);
  await mustRun(bench, {
    name: 'restore-node',
    argv: ['restore-node', snapshot ? 'fill' : 'empty', identity ? 'same' : 'new'],
    mounts: [at],
    capabilities: RESTORER,
  });
}

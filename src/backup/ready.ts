import { randomUUID } from 'node:crypto';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { bytes } from '../core/plural.ts';
import { freeSpaceArgv, freeSpaceOf } from '../docker/plan/free-space.ts';
import { controllerOf, leadersOf, memberStates } from '../members/agent-cli.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { containersOf } from '../stack/roles.ts';
import type { Catalogue } from './plan/backup-sets.ts';
import { cacheNodes, databaseMembers, keepsDumps, leadersOfCache } from './plan/holds.ts';
import { PassingRefusal } from './plan/retry.ts';
import { type BackupContext, inServer, latestSets } from './repository/repository.ts';
import { openRepository } from './repository/restic.ts';

/** @returns the leaders @throws UserError BACKUP_REFUSED where the stack is down, or the database without a leader */
export async function refuseUnfit(context: Context, { loaded, state }: Project, backups: BackupContext): Promise<string[]> {
  const engine = await context.engine();
  const containers = await engine.observe(backups.bench.project);
  refuseForeign(loaded.settings.project, containers, state.root);
  const server = containersOf(containers, backups.stack.services, 'repository')[0];
  const refuse = (why: string) =>
    new PassingRefusal(
      'BACKUP_REFUSED',
      `${why}; no backup was made`,
      '`medianest status` and `medianest health` show what is wrong; medianest up',
    );
  if (server?.state !== 'running') throw refuse('the repository host (backup) does not run');
  const single = containersOf(containers, backups.stack.services, 'database')[0];
  if (keepsDumps(backups.stack) && single?.state !== 'running') throw refuse('the database (postgres) does not run');
  const controller = controllerOf(backups.stack.services);
  const states = controller ? await memberStates(engine, containers, controller) : undefined;
  const leaders = leadersOf(states);
  const database = databaseMembers(backups.stack).map(({ name }) => name);
  if (states && !keepsDumps(backups.stack) && !database.some((name) => leaders.includes(name))) throw refuse('the database has no leader');
  const cache = cacheNodes(backups.stack).map(({ name }) => name);
  if (cache.filter((name) => leaders.includes(name)).length < leadersOfCache(backups.stack)) throw refuse('a part of the cache is away');
  return leaders;
}

/** It would be encrypted with a key that is not the current one. */
export async function refuseOldGeneration(backups: BackupContext): Promise<void> {
  const { stdout } = await inServer(backups, ['generation'], 'the repository host');
  if (Number(stdout) === backups.generations.current) return;
  throw new UserError(
    'BACKUP_REFUSED',
    'a rotation of the backup keys was interrupted; no backup was made',
    'medianest backup keys rotate resumes it',
  );
}

/** restic would try for a quarter of an hour to write its lock. */
export async function refuseReadOnly({ bench, mount, stack }: BackupContext): Promise<void> {
  const { exitCode, tail } = await bench.docker.run(['exec', bench.server, 'test', '-w', mount.target], { signal: bench.signal });
  if (exitCode !== 1) return;
  // The client's own failures have the same exit status.
  if (/is not running|no such container|is paused/i.test(tail.join(' ')))
    throw new PassingRefusal(
      'BACKUP_REFUSED',
      'the repository host (backup) does not run; nothing was changed',
      '`medianest status` shows what runs; medianest up',
    );
  throw new UserError(
    'REPOSITORY_AWAY',
    `the repository cannot be written: its disk is read-only, or is not the backup’s any more; nothing was changed${keepsDumps(stack) ? '' : ', and WAL waits at the database'}`,
    'dmesg tells why a disk became read-only; mount it writable, then run the same command again',
  );
}

/** A disk without room takes no more WAL either, and then the database's own disk fills: what is left is for the WAL. */
export async function refuseNoRoom({ bench, mount, loaded, stack }: BackupContext): Promise<void> {
  const { stdout } = await bench.docker.run(['exec', bench.server, ...freeSpaceArgv(mount.target)], { signal: bench.signal });
  const free = freeSpaceOf(stdout);
  const { diskReserve } = loaded.settings;
  // A host that does not answer fails the backup itself, which says why.
  if (free === undefined || free >= diskReserve) return;
  throw new PassingRefusal(
    'BACKUP_REFUSED',
    `the repository’s disk has ${bytes(free)} free, less than the reserve of ${bytes(diskReserve)} that is kept${keepsDumps(stack) ? '' : ' for WAL'}; no backup was made`,
    'medianest backup prune, or enlarge the disk; `diskReserve` sets the reserve',
  );
}

export const otherRepository = ({ bench }: BackupContext): UserError =>
  new UserError(
    'REPOSITORY_AWAY',
    `the repository is not the one that ${bench.state.at('backups.json')} knows; nothing was changed`,
    'mount the right disk; or, if the old repository is given up, remove that file',
  );

/** The sets that are there; where there is none, the repository is made, and given an identity. */
export async function openCatalogue(backups: BackupContext): Promise<Catalogue> {
  await refuseReadOnly(backups);
  await openRepository(backups.bench, backups.local);
  const known = await latestSets(backups);
  const { stdout } = await inServer(backups, ['identity', known?.repository ?? randomUUID()], 'the repository');
  const repository = stdout.trim();
  if (known && known.repository !== repository) throw otherRepository(backups);
  return known ?? { repository, sets: [] };
}

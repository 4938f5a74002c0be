import { UserError } from '../errors.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { type JobMount, mustRun } from './backup-job.ts';
import { type BackupRoom, inServer, jobMount } from './backup-room.ts';
import { type Execution, execute } from './execute.ts';
import type { Part } from './preview.ts';
import { restoreFiles, restoreNode, snapshotParts } from './restore-files.ts';
import { compose, composeUp } from './run-compose.ts';

export interface Replacement {
  parts: readonly Part[];
  set: BackupSet;
  /** Back to what was put aside. */
  undo: boolean;
}

const WAIT_SECONDS = 300;

const membersOf = ({ stack }: BackupRoom) => stack.services.filter(({ component }) => component === 'patroni');

/** Where the database is restored: the volume of the first member, which leads then. */
export function databaseVolume(room: BackupRoom): JobMount {
  const [mount] = membersOf(room)[0]?.mounts ?? [];
  if (!mount) throw new UserError('NOT_RUNNING', 'there is no database to restore', 'use a profile with patroni');
  return jobMount(room.bench.project, mount);
}

/**
 * Stops what uses the data, puts other data in its place, and starts everything again, the member with the data first. What
 * was the database stays beside it. Where it fails, the old database runs again, and the error says so.
 */
export async function replaceData(room: BackupRoom, run: Execution, what: Replacement): Promise<void> {
  const { context } = run;
  const members = membersOf(room).map(({ name }) => name);
  const nodes = room.stack.services.filter(({ component }) => component === 'redis-cluster');
  const replicas = room.stack.services.filter(({ component, oneOff }) => component === 'app' && !oneOff).map(({ name }) => name);
  const has = (part: Part) => what.parts.includes(part);
  const stopped = [...replicas, ...(has('db') ? members : []), ...(has('redis') ? nodes.map(({ name }) => name) : [])];
  const step = async (title: string, work: () => Promise<void>) => {
    const task = context.report.task(title);
    try {
      await work();
      task.done();
    } catch (error) {
      task.failed();
      throw error;
    }
  };
  const swap = (how: string[]) =>
    mustRun(room.bench, {
      name: 'swap-database',
      argv: ['swap-database', members[0] as string, what.undo ? 'before' : 'restored', ...how],
      mounts: membersOf(room).map(({ name, mounts }) => jobMount(room.bench.project, mounts[0] as never, `/members/${name}`)),
    });
  let swapped = false;
  try {
    await step(`stop ${stopped.join(', ')}`, () => compose(run, undefined, ['stop', ...stopped]));
    if (has('db'))
      await step('put the restored database in its place', async () => {
        swapped = true;
        await swap([]);
        await forgetLeader(room, run);
      });
    if (has('files')) await step('restore the uploads', () => restoreUploads(room, what.set));
    if (has('redis')) await step('restore the cache', () => restoreCache(room, what.set));
    if (has('db'))
      await step(`start ${members[0]}`, async () => {
        await startMember(run, members[0] as string);
        // A database of another installation has another identity, and the repository has to know it before its WAL comes.
        await inServer(room, ['stanza'], 'the repository does not take the restored database');
      });
    await step('start everything, and wait until it is healthy', () => startAll(run));
  } catch (error) {
    if (!swapped) {
      await startAll(run).catch(() => undefined);
      throw failed(error, has('files') ? 'the old database runs; uploads may be partly restored' : 'the old state runs');
    }
    await compose(run, undefined, ['stop', ...stopped]).catch(() => undefined);
    await swap(['back']);
    await forgetLeader(room, run);
    await startMember(run, members[0] as string);
    await startAll(run);
    throw failed(error, 'the old database was put back and runs');
  }
}

const failed = (error: unknown, state: string): unknown =>
  error instanceof UserError && error.code !== 'INTERRUPTED'
    ? new UserError('RESTORE_FAILED', `${error.message}; ${state}`, 'medianest status; correct the cause and restore again', {
        cause: error,
      })
    : error;

/** Of the group as etcd knows it all that speaks of the data that was; its settings stay. No member may run: the first one founds it anew. */
async function forgetLeader(room: BackupRoom, { engine }: Execution): Promise<void> {
  const scope = '/service/medianest/';
  const containers = await engine.observe(room.bench.project);
  const etcd = containers.find(({ component, state }) => component === 'etcd' && state === 'running');
  if (!etcd) throw new UserError('PARTIAL', 'etcd does not run, and holds who led the database', 'medianest up');
  for (const key of [
    ['initialize'],
    ['leader'],
    ['status'],
    ['optime/', '--prefix'],
    ['history'],
    ['sync'],
    ['failsafe'],
    ['failover'],
    ['members/', '--prefix'],
  ]) {
    const { exitCode, output } = await engine.exec(etcd.id, ['client', 'del', `${scope}${key[0]}`, ...key.slice(1)]);
    if (exitCode !== 0) throw new UserError('PARTIAL', `etcd: ${output.trim().split('\n').at(-1)}`, 'medianest logs etcd');
  }
}

async function restoreUploads(room: BackupRoom, set: BackupSet): Promise<void> {
  const app = room.stack.services.find(({ component, oneOff }) => component === 'app' && !oneOff);
  const uploads = app?.mounts.find(({ target }) => target === '/srv/uploads');
  const parts = await snapshotParts(room.bench, room.local, set.parts.files.snapshot);
  if (uploads && parts.includes('uploads'))
    await restoreFiles(room.bench, room.local, set.parts.files.snapshot, '/source/uploads', jobMount(room.bench.project, uploads));
}

/** Those that led get their data and their identity back; the others begin empty and copy it. */
async function restoreCache(room: BackupRoom, set: BackupSet): Promise<void> {
  for (const { name, component, mounts } of room.stack.services) {
    const [mount] = mounts;
    if (component !== 'redis-cluster' || !mount) continue;
    const snapshot = set.cacheLeaders.includes(name) ? set.parts.files.snapshot : undefined;
    await restoreNode(room.bench, room.local, snapshot, `/source/redis/${name}`, jobMount(room.bench.project, mount), true);
  }
}

/** Alone, so that no member without data can lead. */
const startMember = (run: Execution, member: string): Promise<void> =>
  composeUp(
    run,
    undefined,
    [
      'up',
      '--detach',
      '--no-build',
      '--pull',
      'never',
      '--no-deps',
      '--no-recreate',
      '--wait',
      '--wait-timeout',
      String(WAIT_SECONDS),
      member,
    ],
    WAIT_SECONDS,
    [member],
  );

const startAll = (run: Execution): Promise<void> =>
  execute(
    [{ kind: 'compose-up', services: [], forced: [], alone: false, waitSeconds: WAIT_SECONDS, cause: 'it was stopped for the restore' }],
    run,
  );

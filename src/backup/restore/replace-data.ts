import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import { execute } from '../../project/execute.ts';
import { compose, composeUp } from '../../reconcile/compose-project.ts';
import { containersOf } from '../../stack/roles.ts';
import type { Mount } from '../../stack/types.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { cacheNodes, databaseMembers, uploadsOf } from '../plan/holds.ts';
import { type Part, usersOf } from '../plan/restore-plan.ts';
import { mustRun } from '../repository/job.ts';
import { type BackupRoom, inServer, jobMount } from '../repository/repository.ts';
import { restoreFiles, restoreNode, snapshotParts } from './files.ts';
import { noteEnd, noteTakenBack, noteUnderWay, type Restoring } from './journal.ts';

const WAIT_SECONDS = 300;

/** The sets that files come from. */
export interface Sources {
  set: BackupSet;
  /** What was there before; undefined where none could be made. */
  safety: BackupSet | undefined;
}

/**
 * Stops what uses the data, puts other data in its place, and starts everything again, the member with the data first. What
 * was the database stays beside it. The same again goes on with one that was killed.
 * @throws UserError RESTORE_FAILED where it fails: what was before runs again; PARTIAL where that fails too
 */
export async function replaceData(room: BackupRoom, run: Execution, what: Restoring, from: Sources): Promise<void> {
  noteUnderWay(run.prepared.state, what);
  try {
    await exchange(room, run, what, from.set);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.code === 'INTERRUPTED')
      throw new UserError(
        'INTERRUPTED',
        'interrupted while data was replaced',
        '`medianest restore` goes on with it, `medianest restore --undo` takes it back',
      );
    run.context.report.warn(`${error.message}\n  going back to what was before`);
    const left = await takeBack(room, run, what, from.safety);
    throw new UserError('RESTORE_FAILED', `${error.message}; ${left}`, 'correct the cause and restore again', { cause: error });
  }
}

async function exchange(room: BackupRoom, run: Execution, what: Restoring, set: BackupSet): Promise<void> {
  const step = stepper(run);
  const { parts, member } = what;
  await startBase(room, run);
  const stopped = usersOf(room.stack, parts);
  await step(`stop ${stopped.join(', ')}`, () => compose(run, undefined, ['stop', ...stopped]));
  if (parts.includes('db'))
    await step('put the restored database in its place', async () => {
      touch(run, what, 'db');
      await swap(room, what, []);
      await forgetLeader(room, run);
    });
  if (parts.includes('files'))
    await step('restore the uploads', () => {
      touch(run, what, 'files');
      return restoreUploads(room, set);
    });
  if (parts.includes('redis'))
    await step('restore the cache', () => {
      touch(run, what, 'redis');
      return restoreCache(room, set);
    });
  if (parts.includes('db')) await step(`start ${member}`, () => startAlone(run, [member]));
  await step('start everything, and wait until it is healthy', () => startAll(run));
  // A database that was made anew meanwhile has another identity than the restored one. Not before every member runs: the
  // repository would wait for those that do not answer, and take no WAL until then.
  if (parts.includes('db'))
    await step('tell the repository', async () => {
      await inServer(room, ['stanza', '90'], 'the repository does not take the restored database');
    });
}

/**
 * Undoes whatever of a replacement was done, and starts what was before. The same again goes on with one that was killed.
 * @returns in words what runs now @throws UserError PARTIAL where that cannot be done; the note of it stays
 */
export async function takeBack(room: BackupRoom, run: Execution, what: Restoring, safety: BackupSet | undefined): Promise<string> {
  const step = stepper(run);
  try {
    await startBase(room, run);
    const stopped = usersOf(room.stack, what.parts);
    await step(`stop ${stopped.join(', ')}`, () => compose(run, undefined, ['stop', ...stopped]));
    if (what.touched.includes('db'))
      await step('put the old database back', async () => {
        await swap(room, what, ['back']);
        await forgetLeader(room, run);
      });
    if (what.touched.includes('files') && safety) await step('put the old uploads back', () => restoreUploads(room, safety));
    if (what.touched.includes('redis') && safety) await step('put the old cache back', () => restoreCache(room, safety));
    if (what.touched.includes('db')) await step(`start ${what.member}`, () => startAlone(run, [what.member]));
    await step('start everything, and wait until it is healthy', () => startAll(run));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      'PARTIAL',
      `going back to what was before failed: ${error.message}`,
      'correct the cause; then `medianest restore --undo` goes on with going back, `medianest restore` tries the restore again',
      { cause: error },
    );
  }
  // The database that an earlier restore had put aside made room for this one.
  if (what.touched.includes('db')) noteEnd(run.prepared.state, undefined);
  else noteTakenBack(run.prepared.state);
  const kept = what.touched.filter((part) => part !== 'db');
  if (kept.length > 0 && !safety) return `the old database runs; ${kept.join(' and ')} may be partly those of ${what.set}`;
  return 'what was before runs';
}

function touch(run: Execution, what: Restoring, part: Part): void {
  if (what.touched.includes(part)) return;
  what.touched.push(part);
  noteUnderWay(run.prepared.state, what);
}

/** A step that is shown. */
const stepper =
  ({ context }: Execution) =>
  (title: string, work: () => Promise<void>): Promise<void> =>
    shown(context.report, title, work);

/** What the replacement itself needs, also where the whole stack is down. */
const startBase = (room: BackupRoom, run: Execution): Promise<void> =>
  startAlone(
    run,
    room.stack.services.flatMap(({ name, role }) => (role === 'coordination' || role === 'repository' ? [name] : [])),
  );

/** The folders of the members' volumes (templates/backup/image/swap-database). */
const swap = (room: BackupRoom, { member, undo }: Restoring, how: readonly string[]) =>
  mustRun(room.bench, {
    name: 'swap-database',
    argv: ['swap-database', member, undo ? 'before' : 'restored', ...how],
    mounts: databaseMembers(room.stack).map(({ name, mounts }) => jobMount(room.bench.project, mounts[0] as never, `/members/${name}`)),
  });

/** Of the group as etcd knows it all that speaks of the data that was; its settings stay. No member may run: the first one founds it anew. */
async function forgetLeader(room: BackupRoom, { engine }: Execution): Promise<void> {
  const scope = '/service/medianest/';
  const containers = await engine.observe(room.bench.project);
  const etcd = containersOf(containers, room.stack.services, 'coordination').find(({ state }) => state === 'running');
  if (!etcd) throw new UserError('PARTIAL', 'etcd does not run, and holds who led the database', 'medianest up');
  const folders = ['optime/', 'members/'];
  for (const key of ['initialize', 'leader', 'status', 'history', 'sync', 'failsafe', 'failover', ...folders]) {
    const all = folders.includes(key) ? ['--prefix'] : [];
    const { exitCode, output } = await engine.exec(etcd.id, ['client', 'del', `${scope}${key}`, ...all]);
    if (exitCode !== 0) throw new UserError('PARTIAL', `etcd: ${output.trim().split('\n').at(-1)}`, 'medianest logs etcd');
  }
}

async function restoreUploads(room: BackupRoom, set: BackupSet): Promise<void> {
  const uploads = uploadsOf(room.stack);
  const { snapshot } = set.parts.files;
  const parts = await snapshotParts(room.bench, room.local, snapshot);
  if (uploads && parts.includes('uploads'))
    await restoreFiles(room.bench, room.local, snapshot, '/source/uploads', jobMount(room.bench.project, uploads));
}

/** Those that led get their data and their identity back; the others begin empty and copy it. */
async function restoreCache(room: BackupRoom, set: BackupSet): Promise<void> {
  for (const { name, mounts } of cacheNodes(room.stack)) {
    const mount = mounts[0] as Mount;
    const snapshot = set.cacheLeaders.includes(name) ? set.parts.files.snapshot : undefined;
    await restoreNode(room.bench, room.local, snapshot, `/source/redis/${name}`, jobMount(room.bench.project, mount), true);
  }
}

/** Without what they need otherwise: no member without data may lead. */
function startAlone(run: Execution, services: readonly string[]): Promise<void> {
  const how = ['--detach', '--no-build', '--pull', 'never', '--no-deps', '--no-recreate', '--wait', '--wait-timeout', String(WAIT_SECONDS)];
  return composeUp(run, undefined, ['up', ...how, ...services], WAIT_SECONDS, services);
}

const startAll = (run: Execution): Promise<void> =>
  execute(
    [{ kind: 'compose-up', services: [], forced: [], alone: false, waitSeconds: WAIT_SECONDS, cause: 'it was stopped for the restore' }],
    run,
  );

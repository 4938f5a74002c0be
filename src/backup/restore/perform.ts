import type { Execution, StepKind } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { controllerOf, memberStates } from '../../members/agent-cli.ts';
import { compose, composeUp } from '../../reconcile/compose-project.ts';
import { removeKept } from '../../reconcile/replicas/remove-kept.ts';
import { containersOf } from '../../stack/roles.ts';
import type { Mount } from '../../stack/types.ts';
import { makeSet } from '../backup.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { applicationOf, cacheNodes, cacheOfOtherMode, databaseMembers, filePlaces, leftInSet } from '../plan/holds.ts';
import type { Part } from '../plan/restore-part.ts';
import type { RestoreSteps } from '../plan/restore-steps.ts';
import { openCatalogue } from '../ready.ts';
import { mustRun } from '../repository/job.ts';
import { type BackupContext, inServer, jobMount } from '../repository/repository.ts';
import { restoreDatabase } from './database.ts';
import { giveFiles, restoreFiles, restoreNode, snapshotParts } from './files.ts';
import { type InPlaceRun, inPlaceRun } from './in-place-run.ts';
import { noteEnd, noteUnderWay, type Restoring } from './journal.ts';
import { leaderOf } from './leader.ts';
import { restoreSettings } from './settings.ts';

const WAIT_SECONDS = 300;

/** How each step of a restore in place is carried out. */
export const performers: { readonly [K in keyof RestoreSteps]: StepKind<K>['perform'] } = {
  'take-safety-set': takeSafetySet,
  'choose-member': async (_step, run) => {
    const { entry, backups } = inPlaceRun(run);
    entry.member = await leaderOf(backups, run.engine);
  },
  'restore-database': async ({ target }, run, task) => {
    const work = inPlaceRun(run);
    const into = { volume: databaseVolume(work), folder: target ? '17.restored' : '17.before' };
    work.facts = await restoreDatabase(work.backups, into, target, { check: false }, task);
  },
  'begin-replacing': (_step, run) => noteUnderWay(run.prepared.state, inPlaceRun(run).entry),
  'start-base': ({ services }, run) => startAlone(run, services),
  'stop-writers': async ({ services }, run, task) => {
    await removeKept(run);
    return compose(run, task, ['stop', ...services]);
  },
  'swap-database': async ({ back }, run) => {
    const { entry, backups } = inPlaceRun(run);
    if (!back) touch(run, 'db');
    await swap(backups, entry, back ? ['back'] : []);
  },
  'forget-cluster': (_step, run) => forgetCluster(inPlaceRun(run).backups, run),
  'restore-files': ({ set, back }, run) => {
    if (!back) touch(run, 'files');
    return restoreUploads(run, inPlaceRun(run).backups, set);
  },
  'restore-cache': ({ set, back }, run) => {
    if (!back) touch(run, 'redis');
    return restoreCache(run, inPlaceRun(run).backups, set);
  },
  'start-database': ({ member }, run) => startAlone(run, [member]),
  'end-replacing': (_step, run) => {
    const { entry } = inPlaceRun(run);
    // The file first: where the disk is full, nothing has been started, and the restore is rolled back.
    noteUnderWay(run.prepared.state, { ...entry, replaced: true });
    entry.replaced = true;
  },
  'tell-repository': (_step, run) =>
    inServer(inPlaceRun(run).backups, ['stanza', '90'], 'the repository does not take the restored database'),
  'restore-settings': async ({ set }, run) => {
    const work = inPlaceRun(run);
    work.written = await restoreSettings(work.backups, work.project.loaded, set);
  },
  'await-members': async (_step, run) => {
    const work = inPlaceRun(run);
    work.members = await proveMembers(work.backups, run);
  },
  'end-restore': (_step, run) => {
    const { entry } = inPlaceRun(run);
    noteEnd(run.prepared.state, entry.undo ? undefined : entry);
  },
  'take-full-set': takeFullSet,
};

/** What there is now, so that it can be gone back to. A stack that cannot be backed up is restored all the same: its database is put aside. */
async function takeSafetySet(_step: unknown, run: Execution): Promise<void> {
  const { context } = run;
  const work = inPlaceRun(run);
  try {
    await openCatalogue(work.backups);
    work.safety = (await makeSet(context, work.project, work.backups, 'incr', 'safety')).set;
    work.entry.safety = work.safety.id;
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    context.report.warn(`no safety copy of the files can be made (${error.message}); the current database is put aside`);
  }
}

/** It is restored by now, whatever becomes of that. */
async function takeFullSet(_step: unknown, run: Execution): Promise<void> {
  const { context } = run;
  const { project, backups } = inPlaceRun(run);
  try {
    const { warnings } = await makeSet(context, project, backups, 'full', 'asked');
    for (const warning of warnings) context.report.warn(warning);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    context.report.warn(
      `everything is restored and runs, but the full backup after it was not made (${error.message}): medianest backup --type full`,
    );
  }
}

/** The volume of the member that the database is restored for. @throws UserError RESTORE_FAILED where that member is gone */
function databaseVolume({ backups, entry: { member } }: InPlaceRun) {
  const mount = databaseMembers(backups.stack).find(({ name }) => name === member)?.mounts[0];
  if (mount) return jobMount(backups.bench.project, mount);
  throw new UserError(
    'RESTORE_FAILED',
    `${member}, which had the database, is not a member any more; nothing was changed`,
    'set `database.members` to what it was, run medianest up, and try again',
  );
}

/** The journal says what may change before it does. */
function touch(run: Execution, part: Part): void {
  const { entry } = inPlaceRun(run);
  if (entry.touched.includes(part)) return;
  entry.touched.push(part);
  noteUnderWay(run.prepared.state, entry);
}

/** The folders of the members' volumes (templates/backup/image/swap-database). */
const swap = (backups: BackupContext, { member, undo }: Restoring, how: readonly string[]) =>
  mustRun(backups.bench, {
    name: 'swap-database',
    argv: ['swap-database', member, undo ? 'before' : 'restored', ...how],
    mounts: databaseMembers(backups.stack).map(({ name, mounts }) =>
      jobMount(backups.bench.project, mounts[0] as Mount, `/members/${name}`),
    ),
  });

/** Of the group as etcd knows it all that speaks of the other database; its settings stay. The first member founds it again. */
async function forgetCluster(backups: BackupContext, { engine }: Execution): Promise<void> {
  const scope = '/service/medianest/';
  const containers = await engine.observe(backups.bench.project);
  const etcd = containersOf(containers, backups.stack.services, 'coordination').find(({ state }) => state === 'running');
  if (!etcd) throw new UserError('PARTIAL', 'etcd does not run, and it stores the leader of the database', 'medianest up');
  const folders = ['optime/', 'members/'];
  for (const key of ['initialize', 'leader', 'status', 'history', 'sync', 'failsafe', 'failover', ...folders]) {
    const all = folders.includes(key) ? ['--prefix'] : [];
    const { exitCode, output } = await engine.exec(etcd.id, ['client', 'del', `${scope}${key}`, ...all]);
    if (exitCode !== 0) throw new UserError('PARTIAL', `etcd: ${output.trim().split('\n').at(-1)}`, 'medianest logs etcd');
  }
}

/** The uploads, and the application's own volumes; one that the set does not have stays as it is. */
async function restoreUploads({ context }: Execution, backups: BackupContext, set: BackupSet): Promise<void> {
  const { snapshot } = set.parts.files;
  const { bench, local, stack } = backups;
  const parts = await snapshotParts(bench, local, snapshot);
  const places = filePlaces(stack);
  const left = leftInSet(parts, places);
  if (left) context.report.warn(left);
  for (const { part, mount } of places.filter((place) => parts.includes(place.part))) {
    const volume = jobMount(bench.project, mount);
    await restoreFiles(bench, local, snapshot, `/source/${part}`, volume);
    await giveFiles(bench, local, snapshot, `/source/${part}`, volume, applicationOf(stack));
  }
}

/** Those that led get their data and their identity back; the others begin empty and copy it. A cache of another mode stays as it is. */
async function restoreCache({ context }: Execution, backups: BackupContext, set: BackupSet): Promise<void> {
  const otherMode = cacheOfOtherMode(backups.stack, set);
  if (otherMode) {
    context.report.warn(otherMode);
    return;
  }
  for (const { name, mounts } of cacheNodes(backups.stack)) {
    const snapshot = set.cacheLeaders.includes(name) ? set.parts.files.snapshot : undefined;
    await restoreNode(
      backups.bench,
      backups.local,
      snapshot,
      `/source/redis/${name}`,
      jobMount(backups.bench.project, mounts[0] as Mount),
      true,
    );
  }
}

/** Without what they need otherwise: no member without data may lead. */
function startAlone(run: Execution, services: readonly string[]): Promise<void> {
  const how = ['--detach', '--no-build', '--pull', 'never', '--no-deps', '--no-recreate', '--wait', '--wait-timeout', String(WAIT_SECONDS)];
  return composeUp(run, undefined, ['up', ...how, ...services], WAIT_SECONDS, services);
}

/** Until every member of every group takes part again, as their controller says. @throws UserError UNHEALTHY after two minutes */
export async function proveMembers(backups: BackupContext, { engine, context }: Execution): Promise<string[]> {
  const controller = controllerOf(backups.stack.services);
  const wanted = backups.stack.services.filter(({ member }) => member).map(({ name }) => name);
  let absent = wanted;
  const whole = await poll(
    async () => {
      const states = await memberStates(engine, await engine.observe(backups.bench.project), controller).catch(() => undefined);
      absent = wanted.filter((name) => !states?.[name]?.ok);
      return absent.length === 0 ? wanted : undefined;
    },
    { every: 500, timeout: 120_000, signal: context.signal },
  );
  if (whole) return whole;
  throw new UserError(
    'UNHEALTHY',
    `the restored data is in its place, and ${absent.join(', ')} ${absent.length === 1 ? 'does' : 'do'} not take part yet`,
    'medianest health; `medianest restore --undo` goes back',
  );
}

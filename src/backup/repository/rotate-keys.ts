import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import { checkCompose } from '../../docker/compose.ts';
import { execute } from '../../project/execute.ts';
import { requireManifest } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { planProject } from '../../reconcile/plan-project.ts';
import { loadSecrets, saveSecrets } from '../../secrets/store/secret-files.ts';
import { copyNames } from '../../services/backup/settings/copies-settings.ts';
import { databaseKey, type KeyVersions, keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import type { Lock } from '../../state/lock.ts';
import { writeOwned } from '../../state/owned.ts';
import { makeSet } from '../backup.ts';
import { archivedSets, type BackupSet, isGood } from '../plan/backup-sets.ts';
import { keepsDumps } from '../plan/holds.ts';
import { openCatalogue, refuseUnfit } from '../ready.ts';
import { mustRun, removeJobs } from './job.ts';
import { type BackupContext, backupContext, inServer, knownSets } from './repository.ts';
import { KEY_MAKER_CPUS, mustRestic } from './restic.ts';

export interface RotateKeysOutcome {
  /** Of a single database: its dumps are restic’s too, and restic’s key is all that there is. */
  kind?: 'dump';
  /** The key version of the database’s part that is used from now on. */
  generation: number;
  /** Old ones that still have sets. */
  readable: number[];
  /** The full backup that it begins with. */
  backup: string | null;
  warnings: string[];
  seconds: number;
  result: 'rotated' | 'planned';
}

const FILES_KEY = 'backup-files-key';

/**
 * Gives the backups other keys. restic's repository takes a second one before it loses the first; pgBackRest's begins a new
 * key version with a full backup, and the old one stays readable until `prune` has removed its last set. Killed at any moment,
 * secrets.json opens the existing backups, and the same command continues.
 */
export async function rotateKeys(context: Context, project: Project): Promise<RotateKeysOutcome> {
  requireManifest(project.state);
  const started = context.clock.now().getTime();
  if (context.flags.dryRun) {
    const backups = await backupContext(context, project);
    refuseCopies(backups);
    const next = nextGeneration(backups, (await knownSets(backups))?.sets ?? []);
    return { ...ofKind(backups), generation: next, readable: [], backup: null, warnings: [], seconds: 0, result: 'planned' };
  }
  return withLock(context, project.state, 'backup keys rotate', async (lock, record) => {
    const before = await backupContext(context, project, { lock });
    refuseCopies(before);
    await refuseUnfit(context, project, before);
    await removeJobs(before.bench);
    await inServer(before, ['halt'], 'an earlier backup could not be ended');
    const { sets } = await openCatalogue(before);
    const generation = nextGeneration(before, sets);
    record(['keys rotate', generation]);
    await shown(context.report, 'give the files another key', () => renewFilesKey(context, project, before));
    await bring(context, project, lock, { current: generation, oldest: before.generations.oldest });
    const backups = await backupContext(context, project, { lock });
    const { set, warnings } = await makeSet(context, project, backups, 'full', 'asked');
    const readable = [...new Set(archivedSets(sets).map(({ parts }) => keyVersionOf(parts.db)))].filter((old) => old !== generation);
    const seconds = (context.clock.now().getTime() - started) / 1000;
    return { ...ofKind(backups), generation, readable, backup: set.id, warnings, seconds, result: 'rotated' };
  });
}

/** A copy opens with the old keys: it could be neither extended nor read with the new ones. */
function refuseCopies({ settings }: BackupContext): void {
  const names = copyNames(settings.copies);
  if (names.length === 0) return;
  throw new UserError(
    'BACKUP_REFUSED',
    `the copies elsewhere (${names.join(', ')}) use the current keys; nothing was changed`,
    'remove backup.copies, run medianest up and this command again; then add them again, each with an empty destination',
  );
}

const ofKind = ({ stack }: BackupContext): Pick<RotateKeysOutcome, 'kind'> => (keepsDumps(stack) ? { kind: 'dump' } : {});

/** Continues with a key version that a killed run has started and that holds no set yet. Dumps have none: restic has one key for all. */
function nextGeneration({ generations: { current }, stack }: BackupContext, sets: readonly BackupSet[]): number {
  if (keepsDumps(stack)) return current;
  const begun = current > 1 && !sets.some((set) => isGood(set) && keyVersionOf(set.parts.db) === current);
  return begun ? current : current + 1;
}

/**
 * In this order: the repository takes the new key, which is proven; it is kept, and handed out; the old one, and what killed
 * runs have left, are removed. So what is kept opens the repository at every moment.
 */
async function renewFilesKey(context: Context, { state }: Project, backups: BackupContext): Promise<void> {
  const { bench, local } = backups;
  const store = loadSecrets(state);
  if (!store) throw new Error('there are no secrets');
  const value = randomBytes(24).toString('base64url');
  const environment = { RESTIC_REPOSITORY: local.location };
  await mustRun(bench, { name: 'add-key', argv: ['add-files-key'], mounts: local.mounts, environment, input: value, cpus: KEY_MAKER_CPUS });
  const since = context.clock.now().toISOString();
  saveSecrets(state, { ...store, values: { ...store.values, [FILES_KEY]: { value, origin: 'generated', since } } });
  await writeOwned(state.at('secrets', 'backup'), { [FILES_KEY]: value }, { uid: 10002, image: bench.image }, bench.docker);
  const { stdout } = await mustRestic(bench, local, ['key', 'list', '--json']);
  for (const { id, current } of JSON.parse(stdout) as { id: string; current: boolean }[])
    if (!current) await mustRestic(bench, local, ['key', 'remove', id], { name: 'remove-key' });
}

/** Stores which key versions there are, and has the repository host use the current one. */
async function bring(context: Context, { loaded, state }: Project, lock: Lock, generations: KeyVersions): Promise<void> {
  const engine = await context.engine();
  const docker = await context.docker();
  await checkCompose(docker);
  const plan = await planProject(context, loaded, engine, {
    overrides: (overrides) => ({ ...overrides, backup: generations }),
    only: ['backup'],
  });
  const { secrets, stack } = plan.prepared;
  await execute(plan.steps, { context, prepared: { state, secrets, project: stack.project }, engine, docker, lock });
}

/** KeyVersions that hold no set any more have no folder by now, and need no key. */
export async function retireGenerations(
  context: Context,
  project: Project,
  lock: Lock,
  { generations: { current, oldest: before } }: BackupContext,
  kept: readonly BackupSet[],
): Promise<void> {
  const oldest = Math.min(current, ...kept.map(({ parts }) => keyVersionOf(parts.db)));
  const { state } = project;
  if (oldest > before) await bring(context, project, lock, { current, oldest });
  const store = loadSecrets(state);
  const gone = Array.from({ length: oldest - 1 }, (_, index) => databaseKey(index + 1));
  if (!store || !gone.some((name) => store.values[name])) return;
  saveSecrets(state, { ...store, values: Object.fromEntries(Object.entries(store.values).filter(([name]) => !gone.includes(name))) });
  for (const name of gone) rmSync(state.at('secrets', 'backup', name), { force: true });
}

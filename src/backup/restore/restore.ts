import type { Context, Execution, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { checkCompose } from '../../docker/compose.ts';
import { requireManifest } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { emptySecrets } from '../../secrets/store/secret-files.ts';
import { keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import { archivedSets, type BackupSet, databaseName, dumpSets } from '../plan/backup-sets.ts';
import { dumpSnapshots, partsHere, refuseMoment, refuseOtherKind } from '../plan/dump.ts';
import { cacheNodes, keepsDumps } from '../plan/holds.ts';
import { type RestoreTarget, refuseOtherVersion } from '../plan/restore-target.ts';
import { removeJobs } from '../repository/job.ts';
import { type BackupContext, backupContext, knownSets, latestSets, readArchive } from '../repository/repository.ts';
import { mustRestic } from '../repository/restic.ts';
import { followIntoArchive } from '../repository/wal-archive.ts';
import { refuseTooSmall } from './disk-space.ts';
import { snapshotParts } from './files.ts';
import { findTarget } from './find-target.ts';
import { abandon, type InPlace, restoreInPlace, resumeRestore, type Site, undoRestore } from './in-place.ts';
import { halfRestored, lastRestore, underWay } from './journal.ts';
import {
  databaseChecks,
  destinationOf,
  outcomeOf,
  type RestoreAsked,
  type RestoreOutcome,
  recovered,
  sanitizedChecks,
  type Work,
} from './outcome.ts';
import { preview, refuseTakenPreview, removePreview } from './preview.ts';

/**
 * What a restore would do, after everything that can be checked was: the set and its WAL are there, the key opens them, and
 * there is enough disk space. Changes nothing. @throws UserError as the restore itself would
 */
export async function planRestore(context: Context, project: Project, given: RestoreAsked): Promise<RestoreOutcome> {
  if (!given.into) requireManifest(project.state);
  const backups = await backupContext(context, project);
  const asked = askedHere(backups, given);
  const sets = await setsNow(context, backups);
  return outcomeOf(await workOf(context, backups, project, asked, sets), backups, asked, 'planned');
}

/** Restores in place, or into a project of its own. @throws UserError whose words say which state runs */
export async function restore(context: Context, project: Project, given: RestoreAsked): Promise<RestoreOutcome> {
  if (!given.into) requireManifest(project.state);
  const words = [
    given.set,
    given.to && `--to ${given.to === 'newest' ? given.to : given.to.toISOString()}`,
    given.into && `--into ${given.into}`,
    given.sanitize && '--sanitize',
    given.undo && '--undo',
  ];
  const command = ['restore', ...words].filter(Boolean).join(' ');
  return withLock(
    context,
    project.state,
    command,
    async (lock, record) => {
      const backups = await backupContext(context, project, { lock });
      const asked = askedHere(backups, given);
      await removeJobs(backups.bench);
      const started = context.clock.now().getTime();
      const sets = await setsNow(context, backups);
      const work = await workOf(context, backups, project, asked, sets);
      const outcome = outcomeOf(work, backups, asked, 'restored');
      record([command, outcome.backup, asked.only]);
      if (work.kind === 'new') await archiveUntilNow(context, backups, work.target, asked);
      if (asked.into && work.kind === 'new') {
        const options = { parts: asked.only, check: false, start: true, sanitize: asked.sanitize === true };
        const shown = await preview(context, backups, work.target, asked.into, options).catch(async (error) => {
          // One that was there before stays.
          if (error instanceof UserError && error.code === 'FOREIGN_PROJECT') throw error;
          await removeJobs(backups.bench);
          await removePreview(backups.bench.docker, asked.into as string);
          throw error;
        });
        const rtoSeconds = (context.clock.now().getTime() - started) / 1000;
        const { checks, ...facts } = recovered(work.target, shown.facts);
        const sanitized = shown.sanitized ?? null;
        return { ...outcome, ...facts, checks: [...checks, ...sanitizedChecks(sanitized)], rtoSeconds, urls: shown.urls, sanitized };
      }
      const engine = await context.engine();
      const docker = await context.docker();
      await checkCompose(docker);
      refuseForeign(backups.bench.project, await engine.observe(backups.bench.project), project.state.root);
      const prepared = { state: project.state, secrets: emptySecrets, project: backups.bench.project };
      const run: Execution = { context, prepared, engine, docker, lock };
      return perform({ project, backups, run, sets }, work, asked, outcome);
    },
    { resumes: 'backup' },
  );
}

/** Where the repository cannot be read, those that are known here: to resume or undo a restore may need no more. */
async function setsNow({ report }: Context, backups: BackupContext): Promise<readonly BackupSet[]> {
  const catalogue = await latestSets(backups).catch((error) => {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    report.warn(`the list of sets in the repository cannot be read (${error.message}): there may be later sets than are known here`);
    return knownSets(backups);
  });
  return catalogue?.sets ?? [];
}

/** What this stack can be asked for. @throws UserError USAGE */
function askedHere({ stack, loaded }: BackupContext, given: RestoreAsked): RestoreAsked {
  const only = partsHere(given.only, loaded.profile, cacheNodes(stack).length > 0);
  if (!keepsDumps(stack)) return { ...given, only };
  // A bare host asks for everything that can be reached.
  if (given.bare && given.to === 'newest') return { ...given, only, set: given.set ?? 'latest', to: undefined };
  refuseMoment(loaded.profile, given);
  return { ...given, only };
}

/** What was written a moment ago can be restored too, where the database still runs. */
async function archiveUntilNow(context: Context, backups: BackupContext, { until }: RestoreTarget, asked: RestoreAsked): Promise<void> {
  // On a bare host an empty database runs, which is another one.
  if (until === 'set' || asked.bare || !asked.only.includes('db')) return;
  try {
    await followIntoArchive(context, backups, 'at-once');
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    context.report.warn(`what was written last may not be in the archive: ${error.message}`);
  }
}

async function perform(site: Site, work: Work, asked: RestoreAsked, outcome: RestoreOutcome): Promise<RestoreOutcome> {
  if (work.kind === 'abandon') {
    const left = await abandon(site, work.entry);
    return { ...outcome, result: 'taken-back', checks: [{ id: 'state', status: 'ok', message: left }] };
  }
  const done: InPlace =
    work.kind === 'new'
      ? await restoreInPlace(site, work.target, outcome.target, asked.only, !asked.bare)
      : await (work.kind === 'undo' ? undoRestore : resumeRestore)(site, work.entry);
  const { checks, ...facts } = work.kind === 'new' ? recovered(work.target, done.facts) : { checks: databaseChecks(done.facts) };
  const { members, written } = done;
  return {
    ...outcome,
    ...facts,
    rtoSeconds: done.seconds,
    safety: done.safety,
    checks: [
      ...checks,
      ...(members.length > 0 ? [{ id: 'members', status: 'ok' as const, message: `${members.join(', ')} take part` }] : []),
      ...(written.length > 0
        ? [{ id: 'settings', status: 'ok' as const, message: `${written.join(', ')} written; \`medianest plan\` shows what they change` }]
        : []),
    ],
  };
}

async function workOf(
  context: Context,
  backups: BackupContext,
  { state }: Project,
  asked: RestoreAsked,
  sets: readonly BackupSet[],
): Promise<Work> {
  const half = asked.into ? undefined : underWay(state);
  if (half) {
    if (asked.set !== undefined || asked.to)
      throw new UserError('PARTIAL', `${halfRestored(half)}; nothing was changed`, 'medianest restore --yes');
    return { kind: asked.undo ? 'abandon' : 'resume', entry: half };
  }
  if (asked.undo) {
    const last = lastRestore(state);
    if (last) return { kind: 'undo', entry: last };
    throw new UserError(
      'NO_BACKUP',
      'there is no restore to undo; nothing was changed',
      'medianest backup list names what can be restored',
    );
  }
  if (asked.into) await refuseTakenPreview(await context.engine(), backups, asked.into, { sanitize: asked.sanitize === true });
  const dumps = keepsDumps(backups.stack);
  refuseOtherKind(sets, asked.set, dumps);
  const archive = await readArchive(backups, sets);
  const own = dumps ? dumpSets(sets) : archivedSets(sets);
  const { target, after } = await findTarget(context, backups, own, asked, archive);
  const { files } = target.set.parts;
  if (asked.only.includes('db')) refuseOtherVersion(target.set);
  await refuseMissing(backups, target.set, archive.labels);
  await snapshotParts(backups.bench, backups.local, files.snapshot);
  await refuseTooSmall(context, backups, target, asked.only, destinationOf(asked));
  return { kind: 'new', target, after };
}

/** @throws UserError REPOSITORY_AWAY where the set is listed, and the repository does not have its database */
async function refuseMissing({ bench, local }: BackupContext, set: BackupSet, labels: readonly string[]): Promise<void> {
  const { db } = set.parts;
  if (db.kind === 'dump') {
    const { stdout } = await mustRestic(bench, local, ['snapshots', '--no-lock', '--json', '--tag', `set,${set.id}`]);
    const there = (JSON.parse(stdout) as { short_id: string }[]).map(({ short_id }) => short_id);
    if (dumpSnapshots(db).every((snapshot) => there.includes(snapshot))) return;
  } else if (labels.includes(`${keyVersionOf(db)}/${db.label}`)) return;
  throw new UserError(
    'REPOSITORY_AWAY',
    `${set.id} is known, but its database (${databaseName(set)}) is not in the repository; nothing was changed`,
    'mount the right disk; medianest backup verify tells what is missing',
  );
}

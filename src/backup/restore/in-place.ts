import type { Execution, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { execute } from '../../project/execute.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import type { Part } from '../plan/restore-part.ts';
import { afterSteps, finishSteps, prepareSteps, replaceSteps, rollbackSteps } from '../plan/restore-steps.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import type { BackupContext } from '../repository/repository.ts';
import type { DatabaseFacts } from './database.ts';
import type { InPlaceRun } from './in-place-run.ts';
import { noteEnd, noteRolledBack, noteUnderWay, type Restoring, underWay } from './journal.ts';

/*
 * A restore in place: four lists of steps (plan/restore-steps.ts), and what happens if one of them fails. While data is prepared,
 * nothing was changed; while it is replaced, the restore is rolled back; before its end, the journal stays, and the next
 * `restore` resumes it; after that, the restore has succeeded.
 */

/** What a restore in place has done. */
export interface InPlace {
  facts: DatabaseFacts | undefined;
  safety: string | null;
  /** Until everything was healthy; the full backup after it is not counted. */
  seconds: number;
  /** Files of the settings that were written. */
  written: string[];
  /** The members of the groups that take part again, as the controller says. */
  members: string[];
}

export interface Site {
  project: Project;
  backups: BackupContext;
  run: Execution;
  /** All sets that are known. */
  sets: readonly BackupSet[];
}

/**
 * All that can fail comes before anything is stopped: the database is restored beside the one that runs.
 * @param keep whether there is anything to keep for `--undo`
 */
export async function restoreInPlace(
  site: Site,
  target: RestoreTarget,
  says: string,
  parts: readonly Part[],
  keep: boolean,
): Promise<InPlace> {
  const started = Date.now();
  const what = { set: target.set.id, target: says, parts: [...parts], undo: false, member: '', safety: null };
  const work = workOf(site, { ...what, at: '', touched: [] }, undefined);
  await execute(prepareSteps(parts, target, keep), { ...site.run, restore: work });
  return finish(site, work, target.set, started);
}

/** Back to what was before the last restore: the database that was put aside, and the files of the safety set. */
export async function undoRestore(site: Site, last: Restoring): Promise<InPlace> {
  const started = Date.now();
  const before = site.sets.find(({ id }) => id === last.safety);
  const parts = before ? last.parts : last.parts.filter((part) => part === 'db');
  const lost = last.parts.filter((part) => !parts.includes(part)).join(' and ');
  if (parts.length === 0)
    throw new UserError(
      'NO_BACKUP',
      `there is no copy of the ${lost} of before; nothing was changed`,
      'medianest backup list names what can be restored',
    );
  if (lost) site.run.context.report.warn(`there is no copy of the ${lost} of before: only the database is rolled back`);
  const set = before ?? setNamed(site, last.set, parts);
  const what = { set: set.id, target: `before the restore of ${last.set}`, parts, undo: true, member: last.member, safety: null };
  const work = workOf(site, { ...what, at: '', touched: [] }, undefined);
  await execute(prepareSteps(parts, undefined, true), { ...site.run, restore: work });
  return finish(site, work, set, started);
}

/** Resumes a restore that was killed while data was replaced. */
export async function resumeRestore(site: Site, half: Restoring): Promise<InPlace> {
  const safety = half.safety === null ? undefined : setNamed(site, half.safety, half.parts);
  return finish(site, workOf(site, half, safety), setNamed(site, half.set, half.parts), Date.now());
}

/** Rolls back a restore that was killed while data was replaced. @returns in words what runs now */
export const abandon = (site: Site, half: Restoring): Promise<string> =>
  rollBack(
    site.run,
    workOf(
      site,
      half,
      site.sets.find(({ id }) => id === half.safety),
    ),
  );

const workOf = ({ project, backups }: Site, entry: Restoring, safety: BackupSet | undefined): InPlaceRun => ({
  project,
  backups,
  entry,
  safety,
  facts: undefined,
  written: [],
  members: [],
});

async function finish({ run }: Site, work: InPlaceRun, set: BackupSet, started: number): Promise<InPlace> {
  const { entry } = work;
  // The time from which on data is replaced; a restore that is resumed keeps its own.
  entry.at ||= run.context.clock.now().toISOString();
  await replaceData(run, work, set);
  await toItsEnd(run, execute(finishSteps(entry.parts, set), { ...run, restore: work }));
  const seconds = (Date.now() - started) / 1000;
  await fullSet({ ...run, restore: work }, work);
  const { facts, written, members } = work;
  return { facts, safety: entry.safety, seconds, written, members };
}

/** What a person is told of Ctrl-C depends on how far the restore is: once there is a journal, `restore` resumes it. */
async function toItsEnd(run: Execution, work: Promise<void>): Promise<void> {
  await work.catch((error) => {
    if (!(error instanceof UserError && error.code === 'INTERRUPTED' && underWay(run.prepared.state))) throw error;
    throw new UserError(
      'INTERRUPTED',
      'interrupted while data was replaced',
      '`medianest restore` resumes it, `medianest restore --undo` rolls it back',
    );
  });
}

async function fullSet(run: Execution, { backups, entry }: InPlaceRun): Promise<void> {
  await execute(afterSteps(backups.stack, entry.parts), run).catch((error) => {
    if (!(error instanceof UserError && error.code === 'INTERRUPTED')) throw error;
    throw new UserError(
      'INTERRUPTED',
      'interrupted; everything is restored and runs, but the full backup after it was not made',
      'medianest backup --type full',
    );
  });
}

/** The database comes from the member's own volume: of the set it needs the name alone. */
function setNamed({ sets }: Site, id: string, parts: readonly Part[]): BackupSet {
  const set = sets.find((entry) => entry.id === id);
  if (set) return set;
  if (parts.every((part) => part === 'db')) return { id } as BackupSet;
  throw new UserError('NO_BACKUP', `the set ${id} is missing; nothing was changed`, 'medianest backup list names what can be restored');
}

/**
 * Stops what uses the data, puts other data in its place, and starts everything again, the member with the data first. What
 * was the database stays beside it.
 * @throws UserError RESTORE_FAILED where it fails: what was before runs again; PARTIAL where that fails too
 */
async function replaceData(run: Execution, work: InPlaceRun, set: BackupSet): Promise<void> {
  const { replaced } = work.entry;
  try {
    await toItsEnd(run, execute(replaceSteps(work.backups.stack, work.entry, set), { ...run, restore: work }));
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    // An earlier run has started it: what was written since then is nowhere else.
    if (replaced)
      throw new UserError(
        'PARTIAL',
        `${error.message}; the restored data is in its place, with what was written since`,
        'correct the cause and run `medianest restore` again; `medianest restore --undo` gives up both',
        { cause: error },
      );
    run.context.report.warn(`${error.message}\n  going back to what was before`);
    const left = await rollBack(run, work);
    throw new UserError('RESTORE_FAILED', `${error.message}; ${left}`, 'correct the cause and restore again', { cause: error });
  }
}

/**
 * Undoes what a replacement has touched, and starts what was before. The same again resumes one that was killed.
 * @returns in words what runs now @throws UserError PARTIAL where that cannot be done; the journal stays
 */
async function rollBack(run: Execution, work: InPlaceRun): Promise<string> {
  const { entry, safety, backups } = work;
  try {
    if (entry.replaced) noteUnderWay(run.prepared.state, Object.assign(entry, { replaced: false }));
    await execute(rollbackSteps(backups.stack, entry, safety), { ...run, restore: work });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      'PARTIAL',
      `going back to what was before failed: ${error.message}`,
      'correct the cause; then `medianest restore --undo` resumes the rollback, `medianest restore` tries the restore again',
      { cause: error },
    );
  }
  // The database that an earlier restore had put aside made room for this one.
  if (entry.touched.includes('db')) noteEnd(run.prepared.state, undefined);
  else noteRolledBack(run.prepared.state);
  const kept = entry.touched.filter((part) => part !== 'db');
  if (kept.length > 0 && !safety) return `the old database runs; ${kept.join(' and ')} may be partly those of ${entry.set}`;
  return 'what was before runs';
}

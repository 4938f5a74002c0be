import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { chooseTarget, type RestoreTarget } from '../plan/restore-target.ts';
import { makeSet, openCatalogue } from './backup.ts';
import { removeJobs } from './backup-job.ts';
import { type BackupRoom, backupRoom, knownSets, readGaps } from './backup-room.ts';
import { checkCompose } from './compose.ts';
import type { Execution } from './execute.ts';
import { writeAtomic } from './files.ts';
import { mutate } from './mutate.ts';
import { type Opened, requireManifest } from './open.ts';
import { type Part, preview } from './preview.ts';
import { type DatabaseFacts, restoreDatabase } from './restore-database.ts';
import { databaseVolume, type Replacement, replaceData } from './restore-in-place.ts';
import { refuseTooSmall } from './restore-space.ts';
import { emptySecrets } from './secret-files.ts';
import { refuseForeign } from './survey.ts';

export interface RestoreAsked {
  set: string | undefined;
  to: Date | undefined;
  only: readonly Part[];
  into: string | undefined;
  undo: boolean;
}

export interface RestoreOutcome {
  backup: string;
  target: string;
  recoveredTo: string | null;
  rpoSeconds: number | null;
  rtoSeconds: number;
  checks: { id: string; status: 'ok' | 'warn' | 'fail'; message: string }[];
  urls: string[];
  /** The set that `--undo` goes back to. */
  safety: string | null;
  result: 'restored' | 'planned';
}

/** What the last restore in place did: `--undo` goes by it. */
interface LastRestore {
  set: string;
  at: string;
  parts: Part[];
  safety: string | null;
}

const NOTE = 'restore.json';

export async function restore(context: Context, opened: Opened, asked: RestoreAsked): Promise<RestoreOutcome> {
  requireManifest(opened.state);
  const command = [
    'restore',
    asked.set,
    asked.to && `--to ${asked.to.toISOString()}`,
    asked.into && `--into ${asked.into}`,
    asked.undo && '--undo',
  ];
  if (context.flags.dryRun) {
    const room = await backupRoom(context, opened);
    const target = await targetOf(context, room, opened, asked);
    return { ...outcomeOf(target, undefined, 0), result: 'planned' };
  }
  return mutate(context, opened.state, command.filter(Boolean).join(' '), async (lock, record) => {
    const room = await backupRoom(context, opened);
    await removeJobs(room.bench);
    const started = context.clock.now().getTime();
    const seconds = () => (context.clock.now().getTime() - started) / 1000;
    const target = await targetOf(context, room, opened, asked);
    record(['restore', target.set.id, asked.only, asked.into ?? null]);
    if (asked.into) {
      const shown = await preview(context, room, target, asked.into, { parts: asked.only, check: false, start: true });
      return { ...outcomeOf(target, shown.facts, seconds()), urls: shown.urls };
    }
    const engine = await context.engine();
    const docker = await context.docker();
    await checkCompose(docker);
    refuseForeign(room.bench.project, await engine.observe(room.bench.project), opened.state.root);
    const run: Execution = {
      context,
      prepared: { state: opened.state, secrets: emptySecrets, project: room.bench.project },
      engine,
      docker,
      lock,
    };
    return asked.undo ? undo(opened, room, run, target, seconds) : inPlace(opened, room, run, target, asked.only, seconds);
  });
}

async function targetOf(context: Context, room: BackupRoom, { state }: Opened, asked: RestoreAsked): Promise<RestoreTarget> {
  const sets = (await knownSets(room))?.sets ?? [];
  if (asked.undo) {
    const last = state.readJson<LastRestore>(NOTE, 'the last restore cannot be undone');
    const set = last && sets.find(({ id }) => id === (last.safety ?? last.set));
    if (!last || !set)
      throw new UserError(
        'NO_BACKUP',
        'there is no restore to undo; nothing was changed',
        'medianest backup list names what can be restored',
      );
    return { set, until: 'set' };
  }
  return chooseTarget(sets, asked, context.clock.now(), await readGaps(room, sets));
}

function outcomeOf({ set, until }: RestoreTarget, facts: DatabaseFacts | undefined, rtoSeconds: number): RestoreOutcome {
  const target = until instanceof Date ? until.toISOString() : until === 'end' ? 'the newest that there is' : `what ${set.id} holds`;
  const recoveredTo = facts ? (facts.lastTransaction ?? set.parts.db.consistentAt) : null;
  const lost = until instanceof Date && recoveredTo ? Math.max(0, (until.getTime() - new Date(recoveredTo).getTime()) / 1000) : null;
  const rows = facts ? Object.values(facts.rows).reduce((sum, count) => sum + count, 0) : 0;
  return {
    backup: set.id,
    target,
    recoveredTo,
    rpoSeconds: lost,
    rtoSeconds,
    checks: facts
      ? [{ id: 'database', status: 'ok', message: `timeline ${facts.timeline}, ${rows} rows in ${Object.keys(facts.rows).length} tables` }]
      : [],
    urls: [],
    safety: null,
    result: 'restored',
  };
}

/** All that can fail comes before anything is stopped: the database is restored beside the one that runs. */
async function inPlace(
  opened: Opened,
  room: BackupRoom,
  run: Execution,
  target: RestoreTarget,
  parts: readonly Part[],
  seconds: () => number,
): Promise<RestoreOutcome> {
  const { context } = run;
  await refuseTooSmall(context, target.set);
  const safety = await safetySet(opened, room, context);
  let facts: DatabaseFacts | undefined;
  if (parts.includes('db')) {
    const task = context.report.task('restore the database beside the one that runs');
    facts = await restoreDatabase(
      room.bench,
      room.mount,
      { volume: databaseVolume(room), folder: '17.restored' },
      target,
      { check: false },
      task,
    ).catch((error) => {
      task.failed();
      throw error;
    });
    task.done();
  }
  note(opened, { set: target.set.id, at: context.clock.now().toISOString(), parts: [...parts], safety: safety?.id ?? null });
  await replaceData(room, run, { parts, set: target.set, undo: false } satisfies Replacement);
  const rtoSeconds = seconds();
  await backUpAnew(context, opened, room);
  return { ...outcomeOf(target, facts, rtoSeconds), safety: safety?.id ?? null };
}

/** Back to what was before the last restore: the database that was put aside, and the files of the safety set. */
async function undo(
  opened: Opened,
  room: BackupRoom,
  run: Execution,
  target: RestoreTarget,
  seconds: () => number,
): Promise<RestoreOutcome> {
  const last = opened.state.readJson<LastRestore>(NOTE, 'the last restore cannot be undone') as LastRestore;
  const parts = last.safety ? last.parts : last.parts.filter((part) => part === 'db');
  let facts: DatabaseFacts | undefined;
  if (parts.includes('db')) {
    const task = run.context.report.task('give the database of before a timeline of its own');
    facts = await restoreDatabase(
      room.bench,
      room.mount,
      { volume: databaseVolume(room), folder: '17.before' },
      undefined,
      { check: false },
      task,
    ).catch((error) => {
      task.failed();
      throw error;
    });
    task.done();
  }
  await replaceData(room, run, { parts, set: target.set, undo: true });
  const rtoSeconds = seconds();
  await backUpAnew(run.context, opened, room);
  return { ...outcomeOf(target, facts, rtoSeconds), target: `before the restore of ${last.set}` };
}

/** What there is now, so that it can be gone back to. A stack that cannot be backed up is restored all the same: its database is put aside. */
async function safetySet(opened: Opened, room: BackupRoom, context: Context): Promise<BackupSet | undefined> {
  try {
    await openCatalogue(room);
    return (await makeSet(context, opened, room, 'incr', 'safety')).set;
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    context.report.warn(`no safety copy of the files can be made (${error.message}); the database of now is put aside`);
    return undefined;
  }
}

/** On a timeline of its own the database needs a full one. It is restored by now, whatever becomes of that. */
async function backUpAnew(context: Context, opened: Opened, room: BackupRoom): Promise<void> {
  try {
    const { warnings } = await makeSet(context, opened, room, 'full', 'asked');
    for (const warning of warnings) context.report.warn(warning);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    context.report.warn(
      `everything is restored and runs, but the full backup after it was not made (${error.message}): medianest backup --type full`,
    );
  }
}

const note = ({ state }: Opened, last: LastRestore): void => writeAtomic(state.at(NOTE), `${JSON.stringify(last, null, 1)}\n`, 0o600);

import type { Context, Execution, Opened } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import type { Engine } from '../../docker/types.ts';
import { keeperOf, leadersOf, memberStates } from '../../members/agent-cli.ts';
import { makeSet, openCatalogue } from '../backup.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import { databaseMembers } from '../plan/holds.ts';
import type { Part } from '../plan/restore-plan.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { mustRun } from '../repository/job.ts';
import { type BackupRoom, jobMount } from '../repository/repository.ts';
import { type DatabaseFacts, restoreDatabase } from './database.ts';
import { noteEnd, type Restoring } from './journal.ts';
import { replaceData, takeBack } from './replace-data.ts';
import { restoreSettings } from './settings.ts';

/** What a restore in place has done. */
export interface InPlace {
  facts: DatabaseFacts | undefined;
  safety: string | null;
  /** Until everything was healthy; the full backup after it is not counted. */
  seconds: number;
  /** Files of the settings that were written. */
  written: string[];
  /** The members of the groups that take part again, as the keeper says. */
  members: string[];
}

export interface Site {
  opened: Opened;
  room: BackupRoom;
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
  const { room, run } = site;
  const started = Date.now();
  const safety = keep ? await safetySet(site) : undefined;
  const member = await leaderOf(room, run.engine);
  const facts = parts.includes('db')
    ? await beside(site, member, '17.restored', target, 'restore the database beside the one that runs')
    : undefined;
  const what = { set: target.set.id, target: says, parts: [...parts], undo: false, member, safety: safety?.id ?? null };
  return finish(site, { ...what, at: now(run), touched: [] }, target.set, safety, facts, started);
}

/** Back to what was before the last restore: the database that was put aside, and the files of the safety set. */
export async function undoRestore(site: Site, last: Restoring): Promise<InPlace> {
  const started = Date.now();
  const before = last.safety === null ? undefined : setNamed(site, last.safety);
  const parts = before ? last.parts : last.parts.filter((part) => part === 'db');
  if (parts.length < last.parts.length)
    site.run.context.report.warn(
      `no copy of the ${last.parts.filter((part) => part !== 'db').join(' and ')} of before was made: the database alone goes back`,
    );
  const safety = await safetySet(site);
  const facts = parts.includes('db')
    ? await beside(site, last.member, '17.before', undefined, 'give the database of before a timeline of its own')
    : undefined;
  const set = before ?? setNamed(site, last.set);
  const what = {
    set: set.id,
    target: `before the restore of ${last.set}`,
    parts,
    undo: true,
    member: last.member,
    safety: safety?.id ?? null,
  };
  return finish(site, { ...what, at: now(site.run), touched: [] }, set, safety, facts, started);
}

/** Goes on with a restore that was killed while data was replaced. */
export async function goOn(site: Site, half: Restoring): Promise<InPlace> {
  const safety = half.safety === null ? undefined : setNamed(site, half.safety);
  return finish(site, half, setNamed(site, half.set), safety, undefined, Date.now());
}

/** Takes back a restore that was killed while data was replaced. @returns in words what runs now */
export function abandon({ room, run, sets }: Site, half: Restoring): Promise<string> {
  return takeBack(
    room,
    run,
    half,
    sets.find(({ id }) => id === half.safety),
  );
}

async function finish(
  site: Site,
  what: Restoring,
  set: BackupSet,
  safety: BackupSet | undefined,
  facts: DatabaseFacts | undefined,
  started: number,
): Promise<InPlace> {
  const { room, run, opened } = site;
  const data = what.parts.some((part) => part !== 'settings');
  if (data) await replaceData(room, run, what, { set, safety });
  const written = what.parts.includes('settings') ? await restoreSettings(room, opened.loaded, set) : [];
  const members = data ? await proveMembers(room, run) : [];
  noteEnd(opened.state, what.undo ? undefined : what);
  const seconds = (Date.now() - started) / 1000;
  if (what.parts.includes('db')) await backUpAnew(run.context, opened, room);
  return { facts, safety: what.safety, seconds, written, members };
}

const now = ({ context }: Execution): string => context.clock.now().toISOString();

function setNamed({ sets }: Site, id: string): BackupSet {
  const set = sets.find((entry) => entry.id === id);
  if (set) return set;
  throw new UserError('NO_BACKUP', `the set ${id} is gone; nothing was changed`, 'medianest backup list names what can be restored');
}

/** Who leads, because it has what was acknowledged last; where nobody can be asked, whose files say that it came furthest. */
export async function leaderOf(room: BackupRoom, engine: Engine): Promise<string> {
  const members = databaseMembers(room.stack);
  const keeper = keeperOf(members);
  const leaders = leadersOf(await memberStates(engine, await engine.observe(room.bench.project), keeper).catch(() => undefined));
  const led = members.find(({ name }) => leaders.includes(name))?.name;
  if (led) return led;
  const { stdout } = await mustRun(room.bench, {
    name: 'furthest-member',
    argv: ['furthest-member'],
    mounts: members.map(({ name, mounts }) => jobMount(room.bench.project, mounts[0] as never, `/members/${name}`, true)),
  });
  const furthest = stdout.trim().split('\n').at(-1);
  const member = members.find(({ name }) => name === furthest) ?? members[0];
  if (!member) throw new UserError('NOT_RUNNING', 'there is no database to restore', 'use a profile with patroni');
  return member.name;
}

async function beside(
  site: Site,
  member: string,
  folder: string,
  target: RestoreTarget | undefined,
  title: string,
): Promise<DatabaseFacts> {
  const { room, run } = site;
  return shown(run.context.report, title, (task) => {
    const mount = databaseMembers(room.stack).find(({ name }) => name === member)?.mounts[0];
    if (!mount)
      throw new UserError(
        'RESTORE_FAILED',
        `${member}, which had the database, is not a member any more; nothing was changed`,
        'set `database.members` to what it was, run medianest up, and try again',
      );
    const into = { volume: jobMount(room.bench.project, mount), folder };
    return restoreDatabase(room, into, target, { check: false }, task);
  });
}

/** What there is now, so that it can be gone back to. A stack that cannot be backed up is restored all the same: its database is put aside. */
async function safetySet({ opened, room, run }: Site): Promise<BackupSet | undefined> {
  const { context } = run;
  try {
    await openCatalogue(room);
    return (await makeSet(context, opened, room, 'incr', 'safety')).set;
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    context.report.warn(`no safety copy of the files can be made (${error.message}); the database of now is put aside`);
    return undefined;
  }
}

/** Until every member of every group takes part again, as their keeper says. @throws UserError UNHEALTHY after two minutes */
async function proveMembers(room: BackupRoom, { engine, context }: Execution): Promise<string[]> {
  const keeper = keeperOf(room.stack.services);
  const wanted = room.stack.services.filter(({ member }) => member).map(({ name }) => name);
  const task = context.report.task('wait until every member takes part');
  for (const deadline = Date.now() + 120_000; ; ) {
    const states = await memberStates(engine, await engine.observe(room.bench.project), keeper).catch(() => undefined);
    const absent = wanted.filter((name) => !states?.[name]?.ok);
    if (absent.length === 0) {
      task.done();
      return wanted;
    }
    if (Date.now() > deadline) {
      task.failed();
      throw new UserError(
        'UNHEALTHY',
        `the restored data is in its place, and ${absent.join(', ')} ${absent.length === 1 ? 'does' : 'do'} not take part yet`,
        'medianest health; `medianest restore --undo` goes back',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
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

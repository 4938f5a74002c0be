import type { Context, Execution, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { shown } from '../../core/reporter.ts';
import type { Engine } from '../../docker/types.ts';
import { controllerOf, leadersOf, memberStates } from '../../members/agent-cli.ts';
import { makeSet } from '../backup.ts';
import type { BackupSet } from '../plan/backup-sets.ts';
import type { Part } from '../plan/restore-plan.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { openCatalogue } from '../ready.ts';
import { mustRun } from '../repository/job.ts';
import { type BackupContext, jobMount } from '../repository/repository.ts';
import { type DatabaseFacts, restoreDatabase } from './database.ts';
import { noteEnd, type Restoring } from './journal.ts';
import { membersOf, replaceData, takeBack } from './replace-data.ts';
import { restoreSettings } from './settings.ts';

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
  opened: Project;
  room: BackupContext;
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
      `no copy of the ${last.parts.filter((part) => part !== 'db').join(' and ')} was made before: only the database is rolled back`,
    );
  const safety = await safetySet(site);
  const facts = parts.includes('db')
    ? await beside(site, last.member, '17.before', undefined, 'give the old database a timeline of its own')
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

/** Resumes a restore that was killed while data was replaced. */
export async function goOn(site: Site, half: Restoring): Promise<InPlace> {
  const safety = half.safety === null ? undefined : setNamed(site, half.safety);
  return finish(site, half, setNamed(site, half.set), safety, undefined, Date.now());
}

/** Rolls back a restore that was killed while data was replaced. @returns in words what runs now */
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
  throw new UserError('NO_BACKUP', `the set ${id} is missing; nothing was changed`, 'medianest backup list names what can be restored');
}

/** The leader, because it has what was acknowledged last; if no member answers, the one whose files got furthest. */
export async function leaderOf(room: BackupContext, engine: Engine): Promise<string> {
  const members = membersOf(room);
  const controller = controllerOf(members);
  const leaders = leadersOf(await memberStates(engine, await engine.observe(room.bench.project), controller).catch(() => undefined));
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
    const mount = membersOf(room).find(({ name }) => name === member)?.mounts[0];
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
    context.report.warn(`no safety copy of the files can be made (${error.message}); the current database is put aside`);
    return undefined;
  }
}

/** Until every member of every group takes part again, as their controller says. @throws UserError UNHEALTHY after two minutes */
export async function proveMembers(room: BackupContext, { engine, context }: Execution): Promise<string[]> {
  const controller = controllerOf(room.stack.services);
  const wanted = room.stack.services.filter(({ member }) => member).map(({ name }) => name);
  return shown(context.report, 'wait until every member takes part', async () => {
    let absent = wanted;
    const whole = await poll(
      async () => {
        const states = await memberStates(engine, await engine.observe(room.bench.project), controller).catch(() => undefined);
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
  });
}

/** On a timeline of its own the database needs a full one. It is restored by now, whatever becomes of that. */
async function backUpAnew(context: Context, opened: Project, room: BackupContext): Promise<void> {
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

import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { systemCode, UserError } from '../core/errors.ts';
import { readOptional, writing } from '../core/files.ts';
import { poll } from '../core/poll.ts';
import { currentUser } from '../core/user.ts';

/** The holder of the lock, since when and for what. `started` tells a process from a later one with the same number. */
export interface LockHolder {
  pid: number;
  started: string;
  host: string;
  user: string;
  command: string;
  since: string;
}

export interface Lock {
  /** Notes a child that outlives a killed medianest (docker compose), so that the next one waits for it. */
  noteChild(pid: number | undefined): void;
  release(): void;
}

/**
 * When a process was started, in clock ticks since boot (proc(5), field 22); '' if it has exited, undefined if it runs and cannot
 * be looked at: with the mount option `hidepid`, /proc shows a user no processes of others.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? '' : fields[19];
  } catch {
    return signalled(pid, 0) === 'ESRCH' ? '' : undefined;
  }
}

/** Sends a signal. @returns the code of the error: ESRCH where there is no such process, EPERM where it is another user's */
function signalled(pid: number, signal: NodeJS.Signals | 0): string | undefined {
  try {
    process.kill(pid, signal);
    return undefined;
  } catch (error) {
    return systemCode(error);
  }
}

function isAlive(holder: Pick<LockHolder, 'pid' | 'started'>): boolean {
  const start = startOf(holder.pid);
  return start === undefined || (start !== '' && (!holder.started || start === holder.started));
}

/**
 * Takes the one lock of a state folder. A dead holder's lock is reclaimed; a live one is waited for as long as asked.
 * The lock appears by link(2), whole or not at all.
 * @throws UserError LOCKED, naming the holder
 */
export async function acquireLock(
  file: string,
  command: string,
  waitSeconds: number,
  signal: AbortSignal,
  onWait: (holder: LockHolder) => void,
): Promise<Lock> {
  const me = thisProcess(command);
  const childFile = `${file}.child`;
  let holder = undefined as LockHolder | undefined;
  const taken = await poll(
    () => {
      const found = takeOrFind(file, me);
      if (found === 'taken') return true;
      if (!holder && waitSeconds > 0) onWait(found);
      holder = found;
      return undefined;
    },
    { every: 100, timeout: waitSeconds * 1000, signal },
  ).catch(asLockWait);
  if (!taken && holder) throw locked(file, holder);
  try {
    await childGone(childFile, signal);
  } catch (error) {
    rmSync(file, { force: true });
    throw asLockWait(error);
  }
  return {
    noteChild: (pid) => {
      if (!pid) return rmSync(childFile, { force: true });
      try {
        writeFileSync(childFile, JSON.stringify({ pid, started: startOf(pid) ?? '' }));
      } catch {
        // On a full disk the note is missing, and only a kill right now would make anybody miss it.
      }
    },
    release: () => {
      rmSync(childFile, { force: true });
      rmSync(file, { force: true });
    },
  };
}

const thisProcess = (command: string): LockHolder => ({
  pid: process.pid,
  started: startOf(process.pid) ?? '',
  host: os.hostname(),
  user: currentUser(),
  command,
  since: new Date().toISOString(),
});

/** Longer than a disk takes for a few lines. */
const BRIEF_MS = 10_000;

/**
 * Does what takes milliseconds while no other process does the same; waits without giving way.
 * @throws UserError LOCKED where another one does not end
 */
export function withBriefLock<T>(file: string, command: string, work: () => T): T {
  const me = thisProcess(`medianest ${command}`);
  const until = Date.now() + BRIEF_MS;
  for (let found = takeOrFind(file, me); found !== 'taken'; found = takeOrFind(file, me)) {
    if (Date.now() > until) throw locked(file, found);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  try {
    return work();
  } finally {
    rmSync(file, { force: true });
  }
}

const asLockWait = (error: unknown): never => {
  throw error instanceof UserError && error.code === 'INTERRUPTED'
    ? new UserError('INTERRUPTED', 'interrupted while waiting for the lock; nothing was changed', 'run the command again')
    : error;
};

/** Whether a living process holds it. */
export function isHeld(file: string): boolean {
  const text = readOptional(file);
  const holder = text === undefined ? undefined : parseHolder(text);
  return holder !== undefined && (holder.host !== os.hostname() || isAlive(holder));
}

/** Takes the lock, away from a dead holder too. @returns who else holds it */
function takeOrFind(file: string, me: LockHolder): LockHolder | 'taken' {
  while (!tryTake(file, me)) {
    const text = readOptional(file);
    // Released between the two looks.
    if (text === undefined) continue;
    const holder = parseHolder(text);
    if (holder && (holder.host !== me.host || isAlive(holder))) return holder;
    reclaim(file, text);
  }
  return 'taken';
}

function tryTake(file: string, holder: LockHolder): boolean {
  const temporary = `${file}.${process.pid}.tmp`;
  return writing(file, () => {
    try {
      writeFileSync(temporary, `${JSON.stringify(holder)}\n`, { mode: 0o644 });
      linkSync(temporary, file);
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(temporary, { force: true });
    }
  });
}

/** Moves a dead holder's lock away. If another process was faster, what was moved is its live lock: it is put back. */
function reclaim(file: string, seen: string): void {
  const aside = `${file}.${process.pid}.dead`;
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') !== seen) linkSync(aside, file);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/**
 * Ends the docker compose of a killed medianest as Ctrl-C would: two at once would fight over the same containers. Another user's
 * is waited for. On Ctrl-C its note stays, so that the next run waits for it too.
 */
async function childGone(file: string, signal: AbortSignal): Promise<void> {
  const text = readOptional(file);
  const child = text === undefined ? undefined : parseHolder(text);
  if (child && isAlive(child)) signalled(child.pid, 'SIGINT');
  await poll(() => !child || !isAlive(child) || undefined, { every: 100, timeout: Number.POSITIVE_INFINITY, signal });
  rmSync(file, { force: true });
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value = JSON.parse(text) as LockHolder;
    return Number.isInteger(value.pid) ? value : undefined;
  } catch {
    return undefined;
  }
}

function locked(file: string, holder: LockHolder): UserError {
  const elsewhere = holder.host === os.hostname() ? '' : ` on ${holder.host}`;
  return new UserError(
    'LOCKED',
    `another medianest is at work here: \`${holder.command}\` by ${holder.user}${elsewhere} (process ${holder.pid}) since ${holder.since}; nothing was changed`,
    `wait for it with --wait-lock${elsewhere ? `, or remove ${file} if that machine no longer exists` : ''}`,
  );
}

import type { Context, Project } from '../capability/capability.ts';
import { EXIT, UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import { runProgram } from '../docker/compose.ts';
import { open } from '../project/open.ts';
import { acquireLock } from '../state/lock.ts';
import { dueTime, firstRecord } from './plan/jobs.ts';
import { timedCommand } from './plan/timers.ts';
import { knownJobs, noteRunner, readRecord, runnerLock, writeRecord } from './records.ts';
import { timedRun } from './timers.ts';

/** How often it asks the settings and the records for what is due. */
const LOOK_MS = 10_000;

/** A job that was run, and the exit status of its command. */
export interface Ran {
  job: string;
  status: number;
  message?: string;
}

/**
 * Runs what is due, each job as a process of its own (`medianest jobs run NAME`), so that a runner that is killed takes no
 * job with it. Jobs that change the project wait for each other by its lock.
 * @param forever continues with what becomes due later, until Ctrl-C; otherwise it ends when nothing runs and nothing is due
 * @param say takes what the runner and its jobs say, line by line
 * @throws UserError LOCKED where another runner is at work; INTERRUPTED on Ctrl-C, after the jobs have ended
 */
export async function runDue(context: Context, project: Project, forever: boolean, say: (line: string) => void): Promise<Ran[]> {
  noteRunner(project.state);
  const lock = await acquireLock(runnerLock(project.state), 'medianest jobs', 0, context.signal, () => {});
  const running = new Map<string, Promise<void>>();
  const ran: Ran[] = [];
  // Not by the clock on the wall: put back by an hour, it would stop every job for an hour.
  let nextLook = 0;
  const start = (current: Project, name: string) => {
    const work = runOne(context, current, name, say).then((result) => {
      ran.push(result);
      running.delete(name);
      nextLook = 0;
    });
    running.set(name, work);
  };
  const round = async () => {
    if (performance.now() < nextLook) return undefined;
    // Settings may have changed since the last round.
    const current = await open(context);
    for (const name of await dueJobs(context, current)) if (!running.has(name)) start(current, name);
    nextLook = performance.now() + LOOK_MS;
    return !forever && running.size === 0 ? true : undefined;
  };
  try {
    await poll(round, { every: 500, timeout: Number.POSITIVE_INFINITY, signal: context.signal });
    return ran;
  } finally {
    await Promise.allSettled(running.values());
    lock.release();
  }
}

/** Names of the jobs that are due. Those that are looked at for the first time are noted, and begin with their next time. */
async function dueJobs(context: Context, project: Project): Promise<string[]> {
  const now = context.clock.now();
  const due: string[] = [];
  for (const job of await knownJobs(context, project)) {
    if (job.ownTimer || job.running) continue;
    const first = firstRecord(job.record, now);
    if (first) writeRecord(project.state, job.name, first);
    if (dueTime(job, first ?? job.record, now)) due.push(job.name);
  }
  return due;
}

/** Whatever becomes of it, the other jobs continue. */
async function runOne(context: Context, project: Project, name: string, say: (line: string) => void): Promise<Ran> {
  try {
    const [program = '', ...args] = timedCommand({ command: ['jobs', 'run', name] }, await timedRun(context, project));
    const { exitCode } = await runProgram(program, args, {
      cwd: project.loaded.root,
      signal: context.signal,
      onLine: (line) => say(`${name}: ${line}`),
    });
    const message = readRecord(project.state, name)?.message;
    return { job: name, status: exitCode, ...(exitCode !== EXIT.done && message && { message }) };
  } catch (error) {
    const status = error instanceof UserError ? error.exitStatus : EXIT.failed;
    return { job: name, status, message: (error as Error).message };
  }
}

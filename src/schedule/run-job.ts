import type { Context, Project } from '../capability/capability.ts';
import { EXIT, UserError } from '../core/errors.ts';
import { runProgram } from '../docker/compose.ts';
import { acquireLock } from '../state/lock.ts';
import { begun, type Job, type JobRecord } from './plan/jobs.ts';
import { timedCommand } from './plan/timers.ts';
import { jobLock, openJobs, readRecord, writeRecord } from './records.ts';
import { timedRun } from './timers.ts';

/**
 * Runs a job's command to its end and notes how it went. Its own lock keeps a second run out; a command that a killed run
 * left behind is ended as by Ctrl-C before the next begins. On Ctrl-C the run stays unfinished, and is due again.
 * @param say each line that the command prints
 * @throws UserError LOCKED where it runs already, INTERRUPTED
 */
export async function runJob(context: Context, project: Project, job: Job, say: (line: string) => void): Promise<JobRecord> {
  const { state, loaded } = project;
  const run = await timedRun(context, project);
  const [program = '', ...args] = timedCommand(job, run);
  openJobs(state);
  const lock = await acquireLock(jobLock(state, job.name), `medianest jobs run ${job.name}`, 0, context.signal, () => {});
  try {
    const record = begun(readRecord(state, job.name), context.clock.now());
    writeRecord(state, job.name, record);
    const { exitCode, tail } = await runProgram(program, args, {
      cwd: loaded.root,
      signal: context.signal,
      onLine: say,
      onStart: (pid) => lock.noteChild(pid),
    });
    // The command was interrupted on its own: by a shutdown of the host, for example.
    if (exitCode === EXIT.interrupted) throw new UserError('INTERRUPTED', `${job.name} was interrupted`, 'its next runner begins it again');
    const message = exitCode === EXIT.done ? undefined : wordsOf(tail);
    const ended: JobRecord = { ...record, ended: context.clock.now().toISOString(), status: exitCode, ...(message && { message }) };
    writeRecord(state, job.name, ended);
    return ended;
  } finally {
    lock.release();
  }
}

/** What a failed command said last: the line with its error, or else its last one. */
const wordsOf = (tail: readonly string[]): string =>
  (tail.findLast((line) => line.startsWith('Error: ')) ?? tail.at(-1) ?? '').replace(/^Error: /, '').slice(0, 500);

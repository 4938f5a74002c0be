import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import { poll } from '../core/poll.ts';
import { explained } from '../core/system-fault.ts';
import { utcText } from '../core/time.ts';
import { runProgram } from '../docker/compose.ts';
import { nextRun } from '../schedule/next-run.ts';
import type { BackupSettings } from '../services/backup/settings/backup-settings.ts';
import type { StateFolder } from '../state/state.ts';
import { type BackupFailure, backupChecks, timersOf } from './plan/backup-health.ts';
import { isPassing, nextAttempt } from './plan/retry.ts';
import { readCatalogue } from './repository/catalogue.ts';

const FILE = 'backup-failures.json';

/** The commands about backups that have failed and not ended well since. */
export const readFailures = (state: StateFolder): BackupFailure[] =>
  state.readJson<BackupFailure[]>(FILE, 'earlier failures of backups are forgotten', Array.isArray) ?? [];

/** What is wrong with backups, for `health`. */
export async function backupHealth(context: Context, project: Project): Promise<Check[]> {
  const { loaded, state } = project;
  const now = context.clock.now();
  const noted = readFailures(state);
  const upcoming: Record<string, Date> = {};
  for (const { command } of noted) {
    const at = await nextRun(context, project, timersOf(command));
    if (at) upcoming[command] = at;
  }
  const maxAgeHours = (loaded.settings.backup as BackupSettings | undefined)?.maxAgeHours ?? 0;
  return backupChecks(readCatalogue(state)?.sets ?? [], noted, { now, maxAgeHours, upcoming });
}

/** A person has asked for something else, or has stopped it: nothing to raise an alarm about. */
const NO_ALARM = new Set(['USAGE', 'INTERRUPTED', 'CONFIRMATION_NEEDED', 'NOT_RUNNING']);

interface AlarmOptions<T> {
  /** What is wrong with what the command gives back; undefined where it is good. */
  wrong?: (value: T) => string | undefined;
  /** For so many seconds it is tried again where the cause of a refusal passes by itself. */
  retryFor?: number;
}

/**
 * Runs a command about backups. Where it fails, that is noted until it ends well, for `status` and `health`, and
 * `backup.alert` is called: at the first failure, and once no further attempt follows.
 * @throws whatever the command throws at last
 */
export async function alarmed<T>(
  context: Context,
  project: Project,
  command: string,
  work: () => Promise<T>,
  { wrong = () => undefined, retryFor = 0 }: AlarmOptions<T> = {},
): Promise<T> {
  if (context.flags.dryRun) return work();
  const deadline = context.clock.now().getTime() + retryFor * 1000;
  for (let attempt = 0; ; attempt++) {
    try {
      const value = await work();
      const problem = wrong(value);
      if (problem === undefined) forget(project.state, command);
      else await raise(context, project, { command, at: now(context), message: problem }, 'BACKUP_DAMAGED');
      return value;
    } catch (thrown) {
      const error = explained(thrown);
      const code = error instanceof UserError ? error.code : 'UNEXPECTED';
      if (NO_ALARM.has(code)) throw error;
      const next = nextAttempt(error, attempt, context.clock.now(), deadline);
      const failure = { command, at: now(context), message: (error as Error).message, ...(isPassing(error) && { passing: true as const }) };
      const told = { ...failure, ...(next && { next: next.toISOString() }) };
      if (attempt === 0 || !next) await raise(context, project, told, code);
      else note(context, project.state, told);
      if (!next) throw error;
      context.report.warn(`${failure.message}; next attempt at ${utcText(next)}`);
      await waitUntil(context, next).catch((stopped) => {
        note(context, project.state, failure);
        throw stopped;
      });
    }
  }
}

const now = ({ clock }: Context): string => clock.now().toISOString();

const waitUntil = ({ clock, signal }: Context, at: Date): Promise<unknown> =>
  poll(() => (clock.now() >= at ? true : undefined), { every: 1000, timeout: Number.POSITIVE_INFINITY, signal, clock });

function forget(state: StateFolder, command: string): void {
  const known = readFailures(state);
  const left = known.filter((entry) => entry.command !== command);
  if (left.length < known.length) writeAtomic(state.at(FILE), `${JSON.stringify(left, null, 1)}\n`);
}

/** That it cannot be noted must not hide why the command failed. */
function note(context: Context, state: StateFolder, failure: BackupFailure): void {
  try {
    const others = readFailures(state).filter(({ command }) => command !== failure.command);
    writeAtomic(state.at(FILE), `${JSON.stringify([...others, failure], null, 1)}\n`);
  } catch (error) {
    context.report.warn(`the failure could not be noted: ${(error as Error).message}`);
  }
}

/** Notes it, and calls `backup.alert`, whose own failure must not hide it either. */
async function raise(context: Context, { loaded, state }: Project, failure: BackupFailure, code: string): Promise<void> {
  note(context, state, failure);
  const [program, ...args] = (loaded.settings.backup as BackupSettings | undefined)?.alert ?? [];
  if (program === undefined) return;
  const task = context.report.task(`alert: ${program}`);
  const env = {
    MEDIANEST_PROJECT: loaded.settings.project,
    MEDIANEST_COMMAND: failure.command,
    MEDIANEST_ERROR: code,
    MEDIANEST_MESSAGE: failure.message,
    MEDIANEST_NEXT: failure.next ?? '',
  };
  const file = program.includes('/') ? path.resolve(loaded.root, program) : program;
  try {
    const { exitCode, tail } = await runProgram(file, args, { cwd: loaded.root, env, signal: context.signal });
    if (exitCode === 0) return task.done();
    task.failed();
    context.report.warn(`backup.alert ended with status ${exitCode}: ${tail.slice(-3).join(' | ')}`);
  } catch (error) {
    task.failed();
    context.report.warn(`backup.alert could not be run: ${(error as Error).message}`);
  }
}

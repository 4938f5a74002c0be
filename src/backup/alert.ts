import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import { explained } from '../core/system-fault.ts';
import { runProgram } from '../docker/compose.ts';
import type { BackupSettings } from '../services/backup/settings/backup-settings.ts';
import type { StateFolder } from '../state/state.ts';
import { type BackupFailure, backupChecks } from './plan/backup-health.ts';
import { readCatalogue } from './repository/catalogue.ts';

const FILE = 'backup-failures.json';

const failures = (state: StateFolder): BackupFailure[] =>
  state.readJson<BackupFailure[]>(FILE, 'earlier failures of backups are forgotten', Array.isArray) ?? [];

/** What is wrong with backups, for `health`. */
export const backupHealth = (state: StateFolder): Check[] => backupChecks(readCatalogue(state)?.sets ?? [], failures(state));

/** A person has asked for something else, or has stopped it: nothing to raise an alarm about. */
const NO_ALARM = new Set(['USAGE', 'INTERRUPTED', 'CONFIRMATION_NEEDED', 'NOT_RUNNING']);

/**
 * Runs a command about backups. Where it fails, that is noted until it ends well, for `status` and `health`, and
 * `backup.alert` is called. @param wrong what is wrong with what it gives back; undefined where it is good
 * @throws whatever the command throws
 */
export async function alarmed<T>(
  context: Context,
  opened: Project,
  command: string,
  work: () => Promise<T>,
  wrong: (value: T) => string | undefined = () => undefined,
): Promise<T> {
  if (context.flags.dryRun) return work();
  try {
    const value = await work();
    const problem = wrong(value);
    if (problem === undefined) forget(opened.state, command);
    else await raise(context, opened, command, 'BACKUP_DAMAGED', problem);
    return value;
  } catch (thrown) {
    const error = explained(thrown);
    const code = error instanceof UserError ? error.code : 'UNEXPECTED';
    if (!NO_ALARM.has(code)) await raise(context, opened, command, code, (error as Error).message);
    throw error;
  }
}

function forget(state: StateFolder, command: string): void {
  const known = failures(state);
  const left = known.filter((entry) => entry.command !== command);
  if (left.length < known.length) writeAtomic(state.at(FILE), `${JSON.stringify(left, null, 1)}\n`);
}

/** Neither may hide why the command failed. */
async function raise(context: Context, { loaded, state }: Project, command: string, code: string, message: string): Promise<void> {
  try {
    const entry = { command, at: context.clock.now().toISOString(), message };
    writeAtomic(state.at(FILE), `${JSON.stringify([...failures(state).filter((known) => known.command !== command), entry], null, 1)}\n`);
  } catch (error) {
    context.report.warn(`the failure could not be noted: ${(error as Error).message}`);
  }
  const [program, ...args] = (loaded.settings.backup as BackupSettings | undefined)?.alert ?? [];
  if (program === undefined) return;
  const task = context.report.task(`alert: ${program}`);
  const env = { MEDIANEST_PROJECT: loaded.settings.project, MEDIANEST_COMMAND: command, MEDIANEST_ERROR: code, MEDIANEST_MESSAGE: message };
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

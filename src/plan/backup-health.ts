import { type BackupSet, isGood } from './backup-sets.ts';
import { COPIES_COMMAND } from './copies.ts';
import type { Check } from './health.ts';

/** The last time that a command about backups failed, and it has not ended well since. */
export interface BackupFailure {
  /** `backup verify`. */
  command: string;
  /** ISO 8601. */
  at: string;
  message: string;
}

/** What `health` says of backups: failures that nobody has mended, and damage. @param failures by their commands */
export function backupChecks(sets: readonly BackupSet[], failures: readonly BackupFailure[]): Check[] {
  const damaged = sets.filter((set) => !isGood(set));
  return [
    // How copies are is asked, not remembered.
    ...failures
      .filter(({ command }) => command !== COPIES_COMMAND)
      .map(
        ({ command, at, message }): Check => ({
          id: command.replaceAll(' ', '-'),
          status: 'fail',
          message: `the last \`${command}\`, of ${at}, failed: ${message}`,
          remedy: `correct the cause, then medianest ${command}`,
        }),
      ),
    ...(damaged.length > 0
      ? [
          {
            id: 'backup-sets',
            status: sets.at(-1)?.problems?.length ? ('fail' as const) : ('warn' as const),
            message: `damaged: ${damaged.map(({ id, problems }) => `${id} (${problems?.[0]})`).join(', ')}`,
            remedy: 'medianest backup --type full, then medianest backup verify',
          },
        ]
      : []),
  ];
}

import type { Check } from '../../capability/check.ts';
import type { Timer } from '../../capability/schedule.ts';
import { durationText, utcText } from '../../core/time.ts';
import { type BackupSet, isGood } from './backup-sets.ts';
import { COPIES_COMMAND } from './copies.ts';
import { BACKUP_SCHEDULE } from './schedule.ts';

/** The last time that a command about backups failed, and it has not ended well since. */
export interface BackupFailure {
  /** `backup verify`. */
  command: string;
  /** ISO 8601. */
  at: string;
  message: string;
  /** Its cause passes by itself, and the sets before it are as good as they were. */
  passing?: true;
  /** ISO 8601: when the command that failed, and waits, tries again. */
  next?: string;
}

/** What the failures are judged by. */
interface Outlook {
  now: Date;
  /** `backup.maxAgeHours`. */
  maxAgeHours: number;
  /** Command -> when systemd runs it next. */
  upcoming: Readonly<Record<string, Date>>;
}

/** The timers that run a command, with whatever options. */
export const timersOf = (command: string): Timer[] =>
  BACKUP_SCHEDULE.timers.filter((timer) => {
    const options = timer.command.findIndex((word) => word.startsWith('-'));
    return (options < 0 ? timer.command : timer.command.slice(0, options)).join(' ') === command;
  });

/** A failure whose cause passes is a warning while the newest good set is no older than the operator accepts. */
function failureCheck(sets: readonly BackupSet[], failure: BackupFailure, { now, maxAgeHours, upcoming }: Outlook): Check {
  const { command, at, message, passing, next } = failure;
  const made = sets.filter(isGood).at(-1)?.finishedAt;
  const age = made === undefined ? Number.POSITIVE_INFINITY : (now.getTime() - Date.parse(made)) / 1000;
  // A waiting command that was killed has left a time that is over.
  const waits = next !== undefined && Date.parse(next) >= now.getTime() - ATTEMPT_MS ? new Date(next) : undefined;
  const then = waits ?? upcoming[command];
  const mild = passing && age <= maxAgeHours * 3600;
  return {
    id: command.replaceAll(' ', '-'),
    status: mild ? 'warn' : 'fail',
    message: [
      `the last \`${command}\`, of ${at}, failed: ${message}`,
      ...(then ? [`next attempt at ${utcText(then)}`] : []),
      ...(mild ? [`the newest good set is ${durationText(age)} old`] : []),
    ].join('; '),
    remedy:
      passing && then
        ? `none is needed if the cause passes before the next attempt; at once: medianest ${command}`
        : `correct the cause, then medianest ${command}`,
  };
}

/** How long an attempt may take before its time counts as over. */
const ATTEMPT_MS = 60_000;

/** What `health` says of backups: unresolved failures, and damage. @param failures by their commands */
export function backupChecks(sets: readonly BackupSet[], failures: readonly BackupFailure[], outlook: Outlook): Check[] {
  const damaged = sets.filter((set) => !isGood(set));
  return [
    // How copies are is asked, not remembered.
    ...failures.filter(({ command }) => command !== COPIES_COMMAND).map((failure) => failureCheck(sets, failure, outlook)),
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

/** What the leader says of its archive. Times are ISO 8601. */
interface Archiver {
  waiting: number;
  since: string | null;
  failing: boolean;
  segment: string | null;
  now: string;
}

/** The promise is an hour at most; a wait of a quarter of it is reported as a failure, while there is time to fix it. */
const LATE_SECONDS = 15 * 60;
const SLOW_SECONDS = 60;

/** Whether acknowledged writes leave the host. @param said by the leader, as JSON; undefined where it did not answer */
export function archiveChecks(said: string | undefined): Check[] {
  const id = 'archive';
  const remedy = 'medianest logs backup: its disk may be full or away; medianest up starts it';
  if (said === undefined)
    return [{ id, status: 'warn', message: 'the database does not say how its WAL is archived', remedy: 'medianest logs postgres' }];
  const { waiting, since, failing, segment, now } = JSON.parse(said) as Archiver;
  const seconds = since === null ? 0 : Math.max(0, Math.round((Date.parse(now) - Date.parse(since)) / 1000));
  if (!failing && seconds <= SLOW_SECONDS) return [{ id, status: 'ok', message: 'WAL is archived as it is written', value: waiting }];
  return [
    {
      id,
      status: seconds > LATE_SECONDS ? 'fail' : 'warn',
      message: `${waiting} ${waiting === 1 ? 'segment of WAL waits' : 'segments of WAL wait'} for the archive${since === null ? '' : `, the oldest for ${seconds} s`}${failing && segment ? `; ${segment} was refused` : ''}: a host that dies now takes that with it`,
      remedy,
      value: waiting,
    },
  ];
}

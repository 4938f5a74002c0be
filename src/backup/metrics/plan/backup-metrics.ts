import { gauge, type Metric, single } from '../../../core/metrics-text.ts';
import type { BackupFailure } from '../../plan/backup-health.ts';
import { BACKUP_TYPES, type BackupSet, type Catalogue, isGood } from '../../plan/backup-sets.ts';

/** When something has to have happened by its schedule, given when it happened last; undefined where nothing runs it by itself. */
export interface BackupSchedule {
  backup(after: Date): Date | undefined;
  drill(after: Date): Date | undefined;
}

/** Commands whose failure is remembered until they end well. */
const COMMANDS = ['backup', 'backup verify', 'backup prune', 'backup copies', 'backup keys rotate', 'drill'] as const;
/** A drill that waits for a passing cause tries for six hours, and may take some. */
const DRILL_GRACE_SECONDS = 86_400;

const seconds = (time: string): number => Date.parse(time) / 1000;

/** For Prometheus: the newest good set of each type, what all of them take, the last drill, what failed last, and by when the next ones are due. */
export function backupMetrics(
  { sets, copies = {} }: Pick<Catalogue, 'sets' | 'copies'>,
  failures: readonly BackupFailure[],
  { schedule, maxAgeHours }: { schedule: BackupSchedule; maxAgeHours: number },
): Metric[] {
  const good = sets.filter(isGood);
  const newest = BACKUP_TYPES.flatMap((type) => good.findLast((set) => set.type === type) ?? []);
  const ofNewest = (name: string, help: string, value: (set: BackupSet) => number) =>
    gauge(
      `medianest_backup_last_good_${name}`,
      help,
      newest.map((set) => ({ labels: { type: set.type }, value: value(set) })),
    );
  const drilled = sets.filter(({ drilledAt }) => drilledAt).sort((a, b) => ((a.drilledAt as string) < (b.drilledAt as string) ? -1 : 1));
  const last = drilled.at(-1);
  const verified = sets.flatMap(({ verifiedAt }) => verifiedAt ?? []).sort();
  return [
    ofNewest('timestamp_seconds', 'When the newest good set of a type was finished.', ({ finishedAt }) => seconds(finishedAt)),
    ofNewest('size_bytes', 'What the newest good set of a type holds.', ({ sizeBytes }) => sizeBytes),
    ofNewest('stored_bytes', 'What the newest good set of a type added to the repository.', ({ storedBytes }) => storedBytes),
    ofNewest('duration_seconds', 'How long the newest good set of a type took.', (set) => set.seconds),
    gauge('medianest_backup_sets', 'Sets in the repository.', [
      { labels: { status: 'good' }, value: good.length },
      { labels: { status: 'damaged' }, value: sets.length - good.length },
    ]),
    gauge(
      'medianest_backup_stored_bytes',
      'What all sets together added to the repository; WAL between them is not counted.',
      storedBy(sets),
    ),
    gauge(
      'medianest_backup_copy_sets',
      'Sets that a copy is to hold.',
      Object.entries(copies).map(([copy, held]) => ({ labels: { copy }, value: held.length })),
    ),
    single(
      'medianest_backup_verified_timestamp_seconds',
      'When the repository was last read again and a set found good.',
      at(verified.at(-1)),
    ),
    single(
      'medianest_backup_due_timestamp_seconds',
      'By when a newer good set has to be there, by its schedule and backup.maxAgeHours.',
      dueAfter(good.at(-1)?.finishedAt, schedule.backup, maxAgeHours * 3600),
    ),
    single('medianest_drill_last_timestamp_seconds', 'When a set was last restored in a drill.', at(last?.drilledAt)),
    single('medianest_drill_rpo_seconds', 'How much of the newest data the last drill would have lost.', last?.drill?.rpoSeconds),
    single('medianest_drill_rto_seconds', 'How long the last drill took to restore.', last?.drill?.rtoSeconds),
    single(
      'medianest_drill_due_timestamp_seconds',
      'By when the next drill has to be done, by its schedule.',
      dueAfter(last?.drilledAt ?? good[0]?.finishedAt, schedule.drill, DRILL_GRACE_SECONDS),
    ),
    gauge(
      'medianest_backup_command_failed',
      'Whether a command about backups failed the last time that it ran.',
      COMMANDS.map((command) => ({ labels: { command }, value: failures.some((failure) => failure.command === command) ? 1 : 0 })),
    ),
  ];
}

/** By the part: pgBackRest's, or the dumps; and restic's. */
function storedBy(sets: readonly BackupSet[]): Metric['samples'] {
  const sum = (of: (parts: BackupSet['parts']) => number) => sets.reduce((total, { parts }) => total + of(parts), 0);
  if (sets.length === 0) return [];
  return [
    { labels: { part: 'database' }, value: sum(({ db }) => db.storedBytes) },
    { labels: { part: 'files' }, value: sum(({ files }) => files.storedBytes) },
  ];
}

const at = (time: string | undefined): number | undefined => (time === undefined ? undefined : seconds(time));

function dueAfter(last: string | undefined, next: (after: Date) => Date | undefined, grace: number): number | undefined {
  const due = last === undefined ? undefined : next(new Date(last));
  return due && due.getTime() / 1000 + grace;
}

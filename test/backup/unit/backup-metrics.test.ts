import { expect, it } from 'vitest';
import { backupMetrics } from '../../../src/backup/metrics/plan/backup-metrics.ts';
import type { BackupSet } from '../../../src/backup/plan/backup-sets.ts';
import { metricsText } from '../../../src/core/metrics-text.ts';

const set = (type: BackupSet['type'], hour: number, more: Partial<BackupSet> = {}): BackupSet =>
  ({
    id: `20261129-${hour}-${type}`,
    type,
    finishedAt: new Date(hour * 3_600_000).toISOString(),
    seconds: 12,
    sizeBytes: 1000 + hour,
    storedBytes: 10,
    parts: { db: { storedBytes: 7 }, files: { storedBytes: 3 } },
    ...more,
  }) as BackupSet;

const NONE = { backup: () => undefined, drill: () => undefined };
/** Every full hour; every hundredth. */
const HOURLY = {
  backup: (after: Date) => new Date((Math.floor(after.getTime() / 3_600_000) + 1) * 3_600_000),
  drill: (after: Date) => new Date((Math.floor(after.getTime() / 360_000_000) + 1) * 360_000_000),
};
const lines = (...[sets, failures, schedule = HOURLY]: [BackupSet[], string[], typeof HOURLY?]) =>
  metricsText(
    backupMetrics(
      { sets },
      failures.map((command) => ({ command, at: '', message: '' })),
      { schedule, maxAgeHours: 2 },
    ),
  )
    .split('\n')
    .filter((line) => line.startsWith('medianest_') && !line.startsWith('medianest_backup_command_failed'));

it('the newest good set of each type counts, and by when the next one has to be there', () => {
  const sets = [set('full', 1), set('diff', 2), set('diff', 3), set('incr', 4, { problems: ['a file is damaged'] })];
  const text = lines(sets, []);
  expect(text).toContain('medianest_backup_last_good_timestamp_seconds{type="full"} 3600');
  expect(text).toContain('medianest_backup_last_good_timestamp_seconds{type="diff"} 10800');
  expect(text.join()).not.toContain('type="incr"');
  expect(text).toContain('medianest_backup_last_good_size_bytes{type="diff"} 1003');
  expect(text).toContain('medianest_backup_sets{status="damaged"} 1');
  // At four, and two hours later at most.
  expect(text).toContain(`medianest_backup_due_timestamp_seconds ${6 * 3600}`);
});

it('a drill is due from the last one on, or from the first good set, and a day may pass', () => {
  expect(lines([set('full', 1)], [])).toContain(`medianest_drill_due_timestamp_seconds ${360_000 + 86_400}`);
  const drilled = set('full', 1, { drilledAt: new Date(400_000_000).toISOString(), drill: { rpoSeconds: 3, rtoSeconds: 70 } });
  const text = lines([drilled, set('diff', 200)], []);
  expect(text).toContain('medianest_drill_last_timestamp_seconds 400000');
  expect(text).toContain('medianest_drill_rpo_seconds 3');
  expect(text).toContain('medianest_drill_rto_seconds 70');
  expect(text).toContain(`medianest_drill_due_timestamp_seconds ${720_000 + 86_400}`);
});

it('nothing is due where nothing runs it, or where there is no set; what is not known is not 0', () => {
  expect(lines([set('full', 1)], [], NONE as unknown as typeof HOURLY).filter((line) => line.includes('_due_'))).toEqual([]);
  expect(lines([], [])).toEqual(['medianest_backup_sets{status="good"} 0', 'medianest_backup_sets{status="damaged"} 0']);
});

it('each command says whether it failed last', () => {
  const text = metricsText(backupMetrics({ sets: [] }, [{ command: 'drill', at: '', message: '' }], { schedule: NONE, maxAgeHours: 2 }));
  expect(text).toContain('medianest_backup_command_failed{command="drill"} 1\n');
  expect(text).toContain('medianest_backup_command_failed{command="backup"} 0\n');
});

it('what all sets take is told by the part, and how many each copy is to hold', () => {
  const sets = [set('full', 1), set('diff', 2), set('incr', 3, { problems: ['a file is damaged'] })];
  const copies = { nas: [set('full', 1)], cloud: [] } as never;
  const text = metricsText(backupMetrics({ sets, copies }, [], { schedule: HOURLY, maxAgeHours: 2 })).split('\n');
  expect(text).toContain('medianest_backup_stored_bytes{part="database"} 21');
  expect(text).toContain('medianest_backup_stored_bytes{part="files"} 9');
  expect(text).toContain('medianest_backup_copy_sets{copy="nas"} 1');
  expect(text).toContain('medianest_backup_copy_sets{copy="cloud"} 0');
});

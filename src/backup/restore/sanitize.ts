import { randomBytes } from 'node:crypto';
import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import type { Engine } from '../../docker/types.ts';
import { createVolumeIn, refuseForeignVolumes, removeVolumes } from '../../docker/volume.ts';
import type { ColumnRule } from '../../services/backup/settings/sanitize-settings.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';
import { type CatalogueTable, columnText, planSanitize, type SanitizePlan, tableText } from '../plan/sanitize.ts';
import { proveSql, type SanitizeCounts, sanitizeSql } from '../plan/sanitize-sql.ts';
import { type Job, type JobMount, lastWords, runJob } from '../repository/job.ts';
import type { BackupContext } from '../repository/repository.ts';
import { RECOVERY_MEMORY } from './database.ts';

/** What was done to the data before anybody could see it. */
export interface Sanitized {
  columns: { column: string; rule: ColumnRule; values: number }[];
  tables: { table: string; rows: number }[];
  /** Columns that may contain anything and have no rule: unchanged. */
  notSanitized: string[];
  largeObjects: number;
}

/** What `docker run` says of a program that its image has not. */
const NO_PROGRAM = 127;

const SANITIZE = 'sanitize';
const originalOf = (project: string): string => volumeName(project, 'unsanitized');

/** @throws UserError FOREIGN_PROJECT where the volume that `withOriginal` needs is another one's */
export const refuseTakenOriginal = (engine: Engine, project: string): Promise<void> =>
  refuseForeignVolumes(engine, [originalOf(project)], { kind: 'job', project, job: SANITIZE });

/**
 * Space for the original data: a volume that no container of a preview mounts. It goes when the work is over, and what a
 * killed run has left goes with its jobs. Call `refuseTakenOriginal` first.
 */
export async function withOriginal<T>({ bench, stack }: BackupContext, work: (original: JobMount) => Promise<T>): Promise<T> {
  const original: JobMount = { source: originalOf(bench.project), target: '/srv/from', kind: 'volume', readOnly: false };
  const labels = { [LABEL.project]: bench.project, [LABEL.job]: SANITIZE };
  await createVolumeIn(stack.encryptedIn, original.source, labels, bench.docker);
  try {
    return await work(original);
  } finally {
    await removeVolumes([original.source], bench.docker);
  }
}

/**
 * Changes what is in one volume by the rules, and copies it into another. The copy is asked for each value that was.
 * @throws UserError where a rule fits nothing, or something is left; what is in `into` then is not to be shown
 */
export async function sanitizeDatabase(
  backups: BackupContext,
  original: JobMount,
  into: JobMount,
  portal: boolean,
  task?: Task,
): Promise<Sanitized> {
  const mounts = [original, { ...into, target: '/srv/into' }];
  const catalogue = JSON.parse(await said(backups, { name: 'sanitize', argv: ['sanitize-database', 'catalogue'], mounts: [original] }));
  const plan = planSanitize(catalogue as CatalogueTable[], backups.settings.sanitize, { portal });
  const key = randomBytes(32).toString('hex');
  const input = `${sanitizeSql(plan, key)}\0${proveSql(plan, key)}\0`;
  const answer = await said(backups, { name: 'sanitize', argv: ['sanitize-database', 'apply'], mounts, input }, task);
  const [counts, left] = answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line)) as [SanitizeCounts, number[]];
  refuseLeft(plan, left);
  return {
    columns: plan.columns.map(({ table, column, rule }, place) => ({
      column: columnText(table, column),
      rule,
      values: counts.columns[place] ?? 0,
    })),
    tables: plan.truncated.map((table, place) => ({ table: tableText(table), rows: counts.tables[place] ?? 0 })),
    notSanitized: plan.unknown,
    largeObjects: counts.largeObjects,
  };
}

async function said({ bench }: BackupContext, job: Job, task?: Task): Promise<string> {
  const result = await runJob(bench, { ...job, memoryBytes: Math.max(bench.memoryBytes, RECOVERY_MEMORY) }, task);
  if (result.exitCode === 0) return result.stdout;
  throw new UserError(
    'RESTORE_FAILED',
    `the data could not be sanitized: ${lastWords(result)}; nothing is served, and the preview was removed`,
    result.exitCode === NO_PROGRAM
      ? 'the image of the backup that runs is of an older medianest: medianest up'
      : 'change backup.sanitize if a table, a column or a constraint is named; the restored data was removed',
  );
}

function refuseLeft(plan: SanitizePlan, left: readonly number[]): void {
  if (left.length === 0) return;
  const names = plan.columns.flatMap(({ table, column }, place) => (left.includes(place) ? [columnText(table, column)] : []));
  throw new UserError(
    'RESTORE_FAILED',
    `old values are left in ${names.join(', ')}; nothing is served, and the preview was removed`,
    'look for what writes them there (a trigger, a rule, a default), or truncate the table',
  );
}

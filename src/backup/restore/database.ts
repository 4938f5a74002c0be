import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import { keyVersionOf, living } from '../../services/backup/settings/key-versions.ts';
import { segmentPosition } from '../plan/pgbackrest.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { type JobMount, lastWords, runJob } from '../repository/job.ts';
import type { BackupContext } from '../repository/repository.ts';

/** What a restored database says of itself. */
export interface DatabaseFacts {
  /** When the last transaction was committed that it has; undefined where there was none after the set. */
  lastTransaction: string | undefined;
  timeline: number;
  lsn: string;
  bytes: number;
  rows: Record<string, number>;
}

/** Recovery needs memory for its buffers, whatever the backup’s own limit. */
export const RECOVERY_MEMORY = 768 * 1024 ** 2;

/**
 * Restores into a folder of a volume, follows WAL, and lets the result become a database with a timeline of its own. Nothing
 * that runs is touched. @param target undefined: what is in the folder is used as it is
 */
export async function restoreDatabase(
  { bench, mount, generations }: BackupContext,
  into: { volume: JobMount; folder: string },
  target: RestoreTarget | undefined,
  options: { check: boolean },
  task?: Task,
): Promise<DatabaseFacts> {
  const until = target?.until;
  const environment = {
    DATA: `${into.volume.target}/${into.folder}`,
    SET: target?.set.parts.db.label ?? '',
    // WAL of after a rotation of the key is in the next one.
    GENERATIONS: living(generations)
      .filter((generation) => generation >= (target ? keyVersionOf(target.set.parts.db) : generations.oldest))
      .reverse()
      .join(' '),
    UNTIL: until instanceof Date ? 'time' : (until ?? 'end'),
    TARGET: until instanceof Date ? postgresTime(until) : '',
    TIMELINE: timelineText(target),
    CHECK: options.check ? 'yes' : 'no',
  };
  const result = await runJob(
    bench,
    {
      name: 'restore-database',
      argv: ['restore-database'],
      mounts: [{ ...mount, readOnly: true }, into.volume],
      environment,
      memoryBytes: Math.max(bench.memoryBytes, RECOVERY_MEMORY),
    },
    task,
  );
  if (result.exitCode !== 0)
    throw new UserError(
      'RESTORE_FAILED',
      `the database could not be restored: ${lastWords(result)}; what runs was not touched`,
      'choose another time or set (medianest backup list); medianest backup verify tells what is damaged',
    );
  const { lastTransaction, facts } = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') as {
    lastTransaction: string;
    facts: Omit<DatabaseFacts, 'lastTransaction'>;
  };
  return { ...facts, lastTransaction: lastTransaction ? isoTime(lastTransaction) : undefined };
}

/** `2026-11-25 01:16:29.932921+00`, as PostgreSQL writes it. */
const isoTime = (text: string): string => new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString();

/** As PostgreSQL reads it: with its time zone. */
const postgresTime = (time: Date): string => `${time.toISOString().replace('T', ' ').replace('Z', '')}+00`;

/** `current` is the set’s own; the latest that it leads to, where none is named. */
function timelineText(target: RestoreTarget | undefined): string {
  if (target?.timeline === undefined) return '';
  return segmentPosition(target.set.parts.db.walStop).timeline === target.timeline ? 'current' : String(target.timeline);
}

import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import { keyVersionOf, living } from '../../services/backup/settings/key-versions.ts';
import { type ArchivedSet, type BackupSet, isDump } from '../plan/backup-sets.ts';
import { keepsDumps } from '../plan/holds.ts';
import { segmentPosition } from '../plan/pgbackrest.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { type Job, type JobMount, lastWords, runJob, type Workbench } from '../repository/job.ts';
import type { BackupContext } from '../repository/repository.ts';

/** A folder of a volume. */
interface Place {
  volume: JobMount;
  folder: string;
}

/** What a restored database says of itself. */
export interface DatabaseFacts {
  /** When the last transaction was committed that it has; undefined where there was none after the set. */
  lastTransaction: string | undefined;
  /** Of a database that a dump was restored into, none: it is a new one. */
  timeline: number | undefined;
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
  backups: BackupContext,
  into: Place,
  target: RestoreTarget | undefined,
  options: { check: boolean },
  task?: Task,
): Promise<DatabaseFacts | undefined> {
  if (keepsDumps(backups.stack)) return restoreDump(backups, into, target?.set, options, task);
  const { bench, mount, generations } = backups;
  const until = target?.until;
  const set = target && archived(target.set);
  const environment = {
    DATA: `${into.volume.target}/${into.folder}`,
    SET: set?.parts.db.label ?? '',
    // WAL of after a rotation of the key is in the next one.
    GENERATIONS: living(generations)
      .filter((generation) => generation >= (set ? keyVersionOf(set.parts.db) : generations.oldest))
      .reverse()
      .join(' '),
    UNTIL: until instanceof Date ? 'time' : (until ?? 'end'),
    TARGET: until instanceof Date ? postgresTime(until) : '',
    TIMELINE: set && target?.timeline !== undefined ? timelineText(set, target.timeline) : '',
    CHECK: options.check ? 'yes' : 'no',
  };
  const job = { name: 'restore-database', argv: ['restore-database'], mounts: [{ ...mount, readOnly: true }, into.volume], environment };
  return restoredBy(bench, job, task);
}

/** A new cluster, of dumps. @param set undefined: the one that is in the folder is only looked for: it was shut down, and starts as it is */
async function restoreDump(
  { bench, local }: BackupContext,
  { volume, folder }: Place,
  set: BackupSet | undefined,
  { check }: { check: boolean },
  task?: Task,
): Promise<DatabaseFacts | undefined> {
  const data = `${volume.target}/${folder}`;
  if (!set) {
    const job = { name: 'look', argv: ['test', '-f', `${data}/PG_VERSION`], mounts: [{ ...volume, readOnly: true }] };
    if ((await runJob(bench, job)).exitCode === 0) return undefined;
    throw new UserError(
      'RESTORE_FAILED',
      'the database that was put aside is not there any more; nothing was changed',
      'restore a set: medianest backup list',
    );
  }
  const { db } = set.parts;
  if (db.kind !== 'dump') throw new Error(`${set.id} is no dump`);
  const environment = {
    RESTIC_REPOSITORY: local.location,
    DATA: data,
    ROLES: db.roles,
    DUMPS: db.databases.map(({ snapshot }) => snapshot).join(' '),
    CHECK: check ? 'yes' : 'no',
  };
  const mounts = [...local.mounts.map((mount) => ({ ...mount, readOnly: true })), volume];
  const facts = await restoredBy(bench, { name: 'restore-dump', argv: ['restore-dump'], mounts, environment }, task);
  return { ...facts, timeline: undefined };
}

/** Runs the job that restores, whose last line says what the database is. @throws UserError RESTORE_FAILED */
async function restoredBy(bench: Workbench, job: Job, task: Task | undefined): Promise<DatabaseFacts> {
  const result = await runJob(bench, { ...job, memoryBytes: Math.max(bench.memoryBytes, RECOVERY_MEMORY) }, task);
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

function archived(set: BackupSet): ArchivedSet {
  if (isDump(set)) throw new Error(`${set.id} is a dump`);
  return set;
}

/** `2026-11-25 01:16:29.932921+00`, as PostgreSQL writes it. */
const isoTime = (text: string): string => new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString();

/** As PostgreSQL reads it: with its time zone. */
const postgresTime = (time: Date): string => `${time.toISOString().replace('T', ' ').replace('Z', '')}+00`;

/** `current` is the set’s own. */
const timelineText = ({ parts }: ArchivedSet, timeline: number): string =>
  segmentPosition(parts.db.walStop).timeline === timeline ? 'current' : String(timeline);

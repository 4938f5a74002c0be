import { UserError } from '../../core/errors.ts';
import type { BackupType, DatabasePart } from './backup-sets.ts';

/** The part of `pgbackrest info --output=json` that is used. */
interface InfoBackup {
  label: string;
  type: BackupType;
  error: boolean | null;
  prior: string | null;
  reference: string[] | null;
  archive: { start: string; stop: string };
  lsn: { start: string; stop: string };
  info: { size: number; repository: { delta: number } };
  timestamp: { start: number; stop: number };
  database: { id: number };
}

export interface DatabaseInfo {
  backups: (DatabasePart & { type: BackupType; pageErrors: boolean })[];
  /** The newest segment that is there. */
  newestWal: string | undefined;
}

export function databaseInfo(json: string): DatabaseInfo {
  const [stanza] = JSON.parse(json) as {
    backup?: InfoBackup[];
    archive?: { id?: string; database?: { id: number }; max: string | null }[];
    db?: { id: number; version: string }[];
  }[];
  const versionOf = ({ database }: InfoBackup) => stanza?.db?.find(({ id }) => id === database.id)?.version;
  const archiveOf = ({ database: own }: InfoBackup) => stanza?.archive?.find(({ database }) => database?.id === own.id)?.id;
  return {
    backups: (stanza?.backup ?? []).map((entry) => ({
      label: entry.label,
      ...(versionOf(entry) && { version: versionOf(entry) as string }),
      ...(archiveOf(entry) && { archive: archiveOf(entry) as string }),
      type: entry.type,
      pageErrors: entry.error === true,
      // pgBackRest removes with a backup what was built upon it, whether or not a file of it is still needed.
      references: [...new Set([...(entry.reference ?? []), ...(entry.prior ? [entry.prior] : [])])],
      lsnStart: entry.lsn.start,
      lsnStop: entry.lsn.stop,
      walStart: entry.archive.start,
      walStop: entry.archive.stop,
      consistentAt: new Date(entry.timestamp.stop * 1000).toISOString(),
      sizeBytes: entry.info.size,
      storedBytes: entry.info.repository.delta,
    })),
    newestWal: stanza?.archive?.at(-1)?.max ?? undefined,
  };
}

/** Where it refuses a backup that would be older than the newest that it has: what became of the clock, and the way out. */
export function clockProblem(said: string): UserError | undefined {
  const [, label, newest] = /new backup label '(\S+)' is not later than latest backup label '(\S+)'/.exec(said) ?? [];
  if (!newest) return undefined;
  return new UserError(
    'BACKUP_REFUSED',
    `the clock was put back: a backup would now be ${label}, and the repository has ${newest}; no backup was made, and WAL is archived as usual`,
    'correct the clock (medianest doctor --only clock); if it was wrong before and is right now, medianest backup keys rotate starts a new repository beside the old one',
  );
}

/** Of a segment of 16 MiB: timeline, and its number on it. */
export function segmentPosition(segment: string): { timeline: number; number: number } {
  return {
    timeline: Number.parseInt(segment.slice(0, 8), 16),
    number: Number.parseInt(segment.slice(8, 16), 16) * 256 + Number.parseInt(segment.slice(16, 24), 16),
  };
}

export interface WalGap {
  after: string;
  before: string;
  missing: number;
  /** Of the repository; the first where that is not said. */
  generation?: number;
}

/**
 * Where WAL is missing between two segments of one timeline.
 * @param segments the names that are in the archive, in any order
 * @param from what is older is not asked for: no set that is kept begins there
 */
export function walGaps(segments: readonly string[], from: string | undefined): WalGap[] {
  const names = [...new Set(segments)].filter((name) => /^[0-9A-F]{24}$/.test(name)).sort();
  return names.flatMap((before, index) => {
    const after = names[index - 1];
    if (after === undefined || (from !== undefined && after.slice(8) < from.slice(8))) return [];
    const [a, b] = [segmentPosition(after), segmentPosition(before)];
    return a.timeline === b.timeline && b.number > a.number + 1 ? [{ after, before, missing: b.number - a.number - 1 }] : [];
  });
}

const DAMAGE = /(checksum invalid|size invalid|missing|other): [1-9]/;

/**
 * What `pgbackrest verify --output=text --verbose` found wrong. It ends with 0 whatever that is, so its words are read: a
 * stanza’s status, and the counts that are not zero.
 */
export function verifyProblems(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trim());
  const status = lines.find((line) => /^status:/.test(line));
  const counts = lines.filter((line) => DAMAGE.test(line));
  const errors = lines
    .filter((line) => /\b(ERROR|WARN):/.test(line) && !line.includes('HINT'))
    .map((line) => line.replace(/^.*?(ERROR|WARN): */, ''));
  if (status !== undefined && /^status: ok/.test(status) && counts.length === 0) return [];
  const found = [...errors, ...counts];
  return found.length > 0 ? [...new Set(found)] : [status ?? 'pgBackRest did not say how the repository is'];
}

/** What the same, of all that there is, found wrong with WAL: the segments by name, or else how many and how. */
export function walProblems(output: string): string[] {
  const named = [...output.matchAll(/(?:INFO|WARN|ERROR): *(.*\b[0-9A-F]{16}\/[0-9A-F]{24}-.*)/g)].map(([, said]) => `WAL: ${said}`);
  if (named.length > 0) return [...new Set(named)];
  // The counts of an archive follow its name, and those of a backup that of it.
  const archives = output.split(/^(?=\s*(?:archiveId|backup):)/m).filter((part) => /^\s*archiveId:/.test(part));
  const counts = archives.flatMap((part) => part.split('\n').filter((line) => DAMAGE.test(line)));
  return [...new Set(counts.map((line) => `WAL: ${line.trim()}`))];
}

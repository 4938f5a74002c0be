import { keyVersionOf } from '../../services/backup/settings/key-versions.ts';

/** What one `backup` made, as it is kept beside the data in the repository (src/backup/README.md). */
interface SetOf<D extends DatabasePart | DumpPart> {
  /** `20261125-004908-full`: UTC, when it was started. */
  id: string;
  type: BackupType;
  /** Made by a person or a schedule, or by a restore before it changed anything. */
  reason: 'asked' | 'safety';
  /** What it was made for: `before app-migrate`. */
  note?: string;
  startedAt: string;
  finishedAt: string;
  seconds: number;
  project: string;
  /** medianest’s own. */
  version: string;
  sizeBytes: number;
  /** What it added to the repository. */
  storedBytes: number;
  parts: { db: D; files: FilesPart };
  /** Compose service -> image. */
  images: Record<string, string>;
  /** Hash of the settings that it was made with. */
  settings: string;
  /** The nodes of the cache that were leaders, and so hold its data. */
  cacheLeaders: string[];
  verifiedAt?: string;
  /** What the last verification found; empty where it is good. */
  problems?: string[];
  drilledAt?: string;
  drill?: { rpoSeconds: number; rtoSeconds: number };
  /** When it came back from an archive. */
  importedAt?: string;
}

export const BACKUP_TYPES = ['full', 'diff', 'incr'] as const;
export type BackupType = (typeof BACKUP_TYPES)[number];

/** A set whose database is pgBackRest’s: WAL after it can be followed. */
export type ArchivedSet = SetOf<DatabasePart>;
/** A set whose database is dumped: it is as it was then, and at no other moment. */
export type DumpSet = SetOf<DumpPart>;
export type BackupSet = ArchivedSet | DumpSet;

export const isDump = (set: BackupSet): set is DumpSet => set.parts.db.kind === 'dump';

export const dumpSets = (sets: readonly BackupSet[]): DumpSet[] => sets.filter(isDump);
export const archivedSets = (sets: readonly BackupSet[]): ArchivedSet[] => sets.flatMap((set) => (isDump(set) ? [] : [set]));

/** What pgBackRest made. */
export interface DatabasePart {
  kind?: undefined;
  /** Which generation of the repository it is in (services/backup/settings/key-versions.ts); the first where that is not said. */
  generation?: number;
  /** pgBackRest’s label; one that was made from others needs those. */
  label: string;
  /** PostgreSQL’s major version; sets that do not say are of 17. */
  version?: string;
  /** Which archive its WAL is in: `17-1`. Sets of before 0.5 do not say. */
  archive?: string;
  references: string[];
  lsnStart: string;
  lsnStop: string;
  walStart: string;
  walStop: string;
  /** When its data was consistent: what can be restored begins here. */
  consistentAt: string;
  sizeBytes: number;
  storedBytes: number;
}

/** What the server of a single database was dumped to: snapshots of restic with a file each. */
export interface DumpPart {
  kind: 'dump';
  /** There is one key version of it. */
  generation?: undefined;
  /** Names of the databases, and the snapshot of each. */
  databases: { name: string; snapshot: string }[];
  /** The snapshot of its roles, with the hashes of their passwords. */
  roles: string;
  /** PostgreSQL’s major version. */
  version: string;
  /** Before its first dump began: what was committed by then is in it. */
  consistentAt: string;
  /** What the databases take on a disk. */
  sizeBytes: number;
  storedBytes: number;
}

/** What names the part of the database in lists: pgBackRest’s label, or the first dump’s snapshot. */
export const databaseName = ({ parts: { db } }: BackupSet): string => (db.kind === 'dump' ? (db.databases[0]?.snapshot ?? '') : db.label);

export interface FilesPart {
  /** restic’s id of the snapshot. */
  snapshot: string;
  sizeBytes: number;
  storedBytes: number;
  files: number;
  /** What the uploads take on a disk: less than they are long where they are sparse, more where they are small. */
  uploadsBytes?: number;
  /** The same of the application's own volumes, by what they are called in the set: `volumes/own-data`. */
  volumesBytes?: Record<string, number>;
}

/** The sets of one installation, the oldest first. */
export interface Catalogue {
  /** What tells this repository from an empty folder, and from another’s. */
  repository: string;
  sets: BackupSet[];
  /** Of each copy elsewhere, the sets that it should hold: also those that are no longer here. */
  copies?: Record<string, ArchivedSet[]>;
  /** ISO 8601, when this list was written: each is later than the one before it, whatever the clock says. */
  savedAt?: string;
}

/** Of the next list, in whole seconds, as restic takes it: restic, and each copy, go by times to find the newest list. */
export function nextSave({ savedAt }: Pick<Catalogue, 'savedAt'>, now: Date): Date {
  const after = savedAt === undefined ? 0 : Math.floor(new Date(savedAt).getTime() / 1000) + 1;
  return new Date(Math.max(after, Math.floor(now.getTime() / 1000)) * 1000);
}

/**
 * The later of the list here and the newest in the repository.
 * @param held as it was written, at `time`: an earlier version noted no time in it, and dated it by a clock that may have been ahead
 */
export function laterList(known: Catalogue | undefined, held: Catalogue, time: Date, now: Date): Catalogue {
  const dated = { ...held, savedAt: time.toISOString() };
  if (!known) return dated;
  // Another repository is refused by its identity.
  if (known.repository !== held.repository) return known;
  if (known.savedAt !== undefined) return time > new Date(known.savedAt) ? dated : known;
  // The next list has to be later than that one all the same.
  return held.savedAt === undefined && time > now ? { ...known, savedAt: dated.savedAt } : dated;
}

/** `20261125-004908-full`; a later second where there is such a set already, because the clock was put back. */
export function setId(time: Date, type: BackupType, sets: readonly BackupSet[] = []): string {
  const id = `${time.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-')}-${type}`;
  return sets.some((set) => set.id === id) ? setId(new Date(time.getTime() + 1000), type, sets) : id;
}

/**
 * The oldest first, by when they were made: a clock that was put back does not make a new set an old one. Within a generation
 * pgBackRest refuses what would be older than the newest that it has, so times tell; a later key version is later, whatever they say.
 */
export const byAge = (a: BackupSet, b: BackupSet): number =>
  keyVersionOf(a.parts.db) - keyVersionOf(b.parts.db) || (a.startedAt < b.startedAt ? -1 : 1);

/** Those that a set cannot be restored without. */
export const neededBy = (set: BackupSet, sets: readonly BackupSet[]): string[] =>
  isDump(set) ? [] : archivedSets(sets).flatMap(({ id, parts }) => (set.parts.db.references.includes(parts.db.label) ? [id] : []));

/** Good as far as is known: no check has found a fault in it. */
export const isGood = ({ problems }: BackupSet): boolean => (problems ?? []).length === 0;

/** The newest set, where it was read again and found good: then its data may be deleted. */
function provenBackup(sets: readonly BackupSet[]): BackupSet | undefined {
  const newest = sets.at(-1);
  return newest?.verifiedAt && isGood(newest) ? newest : undefined;
}

/** Why the data should not be deleted yet, and what to do about it; undefined where the newest set was proven good. */
export function unprotected(sets: readonly BackupSet[], makesBackups: boolean): { reason: string; hint: string } | undefined {
  const without = 'medianest down --volumes --no-backup (add --yes without a terminal)';
  if (!makesBackups) return { reason: 'this stack makes no backups of it', hint: `to delete it all the same: ${without}` };
  if (provenBackup(sets)) return undefined;
  return {
    reason: 'there is no verified backup of it',
    hint: `make one: medianest backup && medianest backup verify; to delete without one: ${without}`,
  };
}

/** What `status` says of backups, in a line each. */
export function backupNotes(sets: readonly BackupSet[], now: Date): string[] {
  const newest = sets.filter(isGood).at(-1);
  if (!newest) return ['backup: there is none yet: medianest backup --type full'];
  const hours = (now.getTime() - new Date(newest.finishedAt).getTime()) / 3_600_000;
  const drilled = sets.filter(({ drilledAt }) => drilledAt).at(-1);
  if (hours < 0) return [`backup: ${newest.id}, which is later than now: the clock was put back`];
  return [
    `backup: ${newest.id}, ${hours < 1 ? 'less than an hour' : `${Math.floor(hours)} h`} ago${hours > 26 ? ' (older than a day: medianest backup)' : ''}; ${drilled ? `restored in a drill on ${drilled.drilledAt?.slice(0, 10)}` : 'never restored in a drill: medianest drill'}`,
  ];
}

/** What `backup list --json` says of one. */
export function listed(set: BackupSet) {
  const { id, type, reason, startedAt, finishedAt, sizeBytes, storedBytes, verifiedAt, drilledAt, drill, problems, importedAt } = set;
  return {
    ...{ id, type, reason, startedAt, finishedAt, sizeBytes, storedBytes },
    ...(isDump(set) && { kind: 'dump' as const }),
    parts: { db: databaseName(set), files: set.parts.files.snapshot },
    ...(set.note && { note: set.note }),
    repo: 'local',
    status: isGood(set) ? (verifiedAt ? 'verified' : 'stored') : 'damaged',
    ...(problems && problems.length > 0 && { problems }),
    ...(verifiedAt && { verifiedAt }),
    ...(drilledAt && { drilledAt, drill }),
    ...(importedAt && { importedAt }),
  };
}

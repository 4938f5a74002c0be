import { keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import { archivedSets, type BackupSet, isDump } from './backup-sets.ts';
import { type WalGap, walGaps } from './pgbackrest.ts';

/** The WAL of one database in one key version of the repository. */
export interface WalArchive {
  generation: number;
  /** `17-1`: PostgreSQL’s version, and which of the databases that were here. */
  id: string;
  /** Segments, as they sort by timeline and position. */
  segments: string[];
  /** When the last of them arrived; undefined if the image of the backup is too old to tell. */
  newestAt: Date | undefined;
  /** The timelines whose history is there, and when it arrived: a little after the timeline began. */
  histories: { timeline: number; at: Date }[];
}

export interface ArchiveContents {
  archives: WalArchive[];
  /** pgBackRest’s labels, as `1/20261125-094336F`. */
  labels: string[];
}

/** @param text what `contents` prints (templates/backup/image/contents) */
export function archiveContents(text: string): ArchiveContents {
  const labels: string[] = [];
  const archives = new Map<string, WalArchive>();
  const archiveAt = (key: string): WalArchive => {
    const [generation = '', id = ''] = key.split('/');
    const archive = archives.get(key) ?? { generation: Number(generation), id, segments: [], newestAt: undefined, histories: [] };
    archives.set(key, archive);
    return archive;
  };
  const cut = (path: string) => [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)] as const;
  for (const line of text.split('\n')) {
    const [kind, path = '', seconds] = line.trim().split(' ');
    const time = new Date(Number(seconds) * 1000);
    if (kind === 'set') labels.push(path);
    if (kind === 'newest') archiveAt(path).newestAt = time;
    if (kind === 'wal') archiveAt(cut(path)[0]).segments.push(cut(path)[1]);
    if (kind === 'history') archiveAt(cut(path)[0]).histories.push({ timeline: Number.parseInt(cut(path)[1], 16), at: time });
  }
  return { archives: [...archives.values()], labels };
}

/** Each database that ever used the repository has an archive of its own, in each key version. */
export const archiveGaps = (archives: readonly WalArchive[], sets: readonly BackupSet[]): WalGap[] =>
  archives.flatMap(({ generation, segments }) => {
    const starts = archivedSets(sets).flatMap(({ parts: { db } }) => (keyVersionOf(db) === generation ? [db.walStart] : []));
    const oldest = starts.sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1))[0];
    return walGaps(segments, oldest).map((gap) => ({ ...gap, ...(generation > 1 && { generation }) }));
  });

/**
 * The archive that a set’s WAL is in; undefined if that cannot be told: sets of before 0.5 do not say which database they are of.
 */
export function archiveOf(set: BackupSet, archives: readonly WalArchive[]): WalArchive | undefined {
  if (isDump(set)) return undefined;
  const { db } = set.parts;
  const own = archives.filter(({ generation }) => generation === keyVersionOf(db));
  if (db.archive !== undefined) return own.find(({ id }) => id === db.archive);
  return own.length === 1 ? own[0] : undefined;
}

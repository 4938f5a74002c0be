import { archiveOf, type WalArchive } from './archive-contents.ts';
import type { ArchivedSet, BackupSet } from './backup-sets.ts';
import { segmentPosition } from './pgbackrest.ts';

/*
 * Every restore and every failover begins a timeline. After a failover the old timeline has ended where the new one begins; after a
 * restore to an earlier moment it goes on behind that, and what is written there is on the way to no later timeline.
 */

/** Where a timeline was left for the next one: WAL up to there belongs to both. */
interface Fork {
  timeline: number;
  lsn: bigint;
}

/** A timeline, and those that it comes from, the oldest first. */
export interface Lineage {
  archive: WalArchive;
  timeline: number;
  forks: readonly Fork[];
}

const SEGMENT_BYTES = 16n * 1024n ** 2n;

/** `1/2000100` -> its bytes. */
const lsnOf = (text: string): bigint => {
  const [high = '', low = ''] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
};

/** @param history the contents of PostgreSQL’s `00000003.history`: a line for each timeline that it comes from */
export const lineageFrom = (archive: WalArchive, timeline: number, history: string): Lineage => ({
  archive,
  timeline,
  forks: history.split('\n').flatMap((line) => {
    const [, parent, lsn = ''] = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line) ?? [];
    return parent === undefined ? [] : [{ timeline: Number(parent), lsn: lsnOf(lsn) }];
  }),
});

const timelineOf = ({ parts: { db } }: ArchivedSet): number => segmentPosition(db.walStop).timeline;

const isIn = (archive: WalArchive, set: BackupSet): set is ArchivedSet => archiveOf(set, [archive]) !== undefined;

const within = (archive: WalArchive, sets: readonly BackupSet[]): ArchivedSet[] => sets.filter((set) => isIn(archive, set));

/** The latest timeline that an archive knows of. */
export const newestTimeline = (archive: WalArchive, sets: readonly BackupSet[]): number =>
  Math.max(
    1,
    ...archive.histories.map(({ timeline }) => timeline),
    ...within(archive, sets).map(timelineOf),
    ...archive.segments.slice(-1).map((name) => segmentPosition(name).timeline),
  );

/** Whether the WAL after a set leads to the end of a timeline. */
export function leadsTo(set: BackupSet, { archive, timeline, forks }: Lineage): boolean {
  if (!isIn(archive, set)) return false;
  const own = timelineOf(set);
  return own === timeline || forks.some((fork) => fork.timeline === own && lsnOf(set.parts.db.lsnStop) <= fork.lsn);
}

/**
 * The timeline whose WAL holds what was written at a moment: the last one that had begun by then, or what continues it without a break.
 * @param newest the lineage of the latest timeline of the same archive
 */
export function timelineAt(moment: Date, sets: readonly BackupSet[], newest: Lineage): number {
  const { archive } = newest;
  const begun = [
    ...archive.histories.filter(({ at }) => at <= moment).map(({ timeline }) => timeline),
    ...within(archive, sets)
      .filter(({ startedAt }) => new Date(startedAt) <= moment)
      .map(timelineOf),
  ];
  return continued(Math.max(1, ...begun), newest);
}

/** The history of a timeline may arrive late, so after a failover the next one is followed in any case. */
function continued(timeline: number, { archive, timeline: newest, forks }: Lineage): number {
  const at = forks.findIndex((fork) => fork.timeline === timeline);
  const fork = forks[at];
  if (!fork) return timeline;
  const last = Number((fork.lsn - 1n) / SEGMENT_BYTES);
  const leftBehind = archive.segments.some((name) => {
    const segment = segmentPosition(name);
    return segment.timeline === timeline && segment.number > last;
  });
  if (leftBehind) return timeline;
  return continued(forks[at + 1]?.timeline ?? newest, { archive, timeline: newest, forks });
}

/** The lineage of a timeline that another one comes from; undefined if it does not. */
export function ancestor({ archive, timeline: own, forks }: Lineage, timeline: number): Lineage | undefined {
  const at = own === timeline ? forks.length : forks.findIndex((fork) => fork.timeline === timeline);
  return at < 0 ? undefined : { archive, timeline, forks: forks.slice(0, at) };
}

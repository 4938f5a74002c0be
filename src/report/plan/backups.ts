import { fullInDays, type PlaceSizes } from '../../backup/metrics/plan/repository-size.ts';
import type { BackupSet } from '../../backup/plan/backup-sets.ts';
import { isGood } from '../../backup/plan/backup-sets.ts';
import type { Change } from './incidents.ts';

/** One set, as the page shows it. */
export interface ShownSet {
  id: string;
  type: BackupSet['type'];
  at: string;
  sizeBytes: number;
  storedBytes: number;
  status: 'verified' | 'stored' | 'damaged';
}

/** One drill of a set that is still there: how much would have been lost, and how long it took. */
export interface ShownDrill {
  set: string;
  at: string;
  rpoSeconds: number;
  rtoSeconds: number;
}

/** Backups and drills, the oldest first. */
export interface BackupView {
  sets: ShownSet[];
  drills: ShownDrill[];
  /** Age of the newest good set; null where there is none. */
  newestAgeSeconds: number | null;
  /** The longest time between two good sets, now included; null where there is none. */
  longestGapSeconds: number | null;
  /** Commands about backups that failed. */
  failed: Change[];
  /** What the repository (`here`) and each copy take, as they were last measured; days until they are full, null where that is not known. */
  places: { place: string; bytes: number; free: number | null; fullInDays: number | null }[];
}

const ABOUT_BACKUPS = /^medianest (backup|drill|restore)\b/;

/** @param changes of the days that are reported */
export function backupView(
  sets: readonly BackupSet[],
  changes: readonly Change[],
  since: Date,
  now: Date,
  places: PlaceSizes = {},
): BackupView {
  const good = sets
    .filter(isGood)
    .map(({ finishedAt }) => Date.parse(finishedAt))
    .sort((a, b) => a - b);
  const newest = good.at(-1);
  const later = [...good, now.getTime()].filter((time) => time >= since.getTime());
  const gaps = later.map((time) => time - (good.findLast((other) => other < time) ?? time));
  return {
    sets: sets
      .filter(({ finishedAt }) => Date.parse(finishedAt) >= since.getTime())
      .map((set) => ({
        id: set.id,
        type: set.type,
        at: set.finishedAt,
        sizeBytes: set.sizeBytes,
        storedBytes: set.storedBytes,
        status: isGood(set) ? (set.verifiedAt ? 'verified' : 'stored') : 'damaged',
      })),
    drills: sets
      .flatMap(({ id, drilledAt, drill }) => (drilledAt && drill ? [{ set: id, at: drilledAt, ...drill }] : []))
      .sort((a, b) => (a.at < b.at ? -1 : 1)),
    newestAgeSeconds: newest === undefined ? null : Math.max(0, (now.getTime() - newest) / 1000),
    longestGapSeconds: newest === undefined ? null : Math.max(...gaps) / 1000,
    failed: changes.filter(({ command, result }) => result !== 'done' && ABOUT_BACKUPS.test(command)),
    places: Object.entries(places).flatMap(([place, sizes]) => {
      const last = sizes.at(-1);
      return last ? [{ place, bytes: last.bytes, free: last.free, fullInDays: fullInDays(sizes) ?? null }] : [];
    }),
  };
}

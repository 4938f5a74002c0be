import { slopeOf } from '../../backup/metrics/plan/trend.ts';
import type { Ask, Series, Span } from '../../metrics/plan/samples.ts';

/** One disk, and when it will be full if it continues to fill as it did. */
export interface DiskForecast {
  mountpoint: string;
  free: number;
  size: number;
  /** Days until nothing is left; null where it does not fill, or where too little was measured. */
  fullInDays: number | null;
  /** Bytes that it takes more each day; null where too little was measured. */
  perDay: number | null;
  /** How long the trend was measured. */
  measuredSeconds: number;
}

const DAY = 86_400;
/** A shorter time says nothing of a trend: a backup, a deploy or a vacuum is more than what a day brings. */
const LEAST_SECONDS = DAY;

/** In the order that `forecastOf` reads the answers. */
export const forecastAsks = (span: Span): Ask[] => [
  { query: 'max by (mountpoint) (node_filesystem_avail_bytes)', span },
  { query: 'max by (mountpoint) (node_filesystem_size_bytes)', instant: true, span },
];

export function forecastOf([free = [], sizes = []]: readonly Series[][]): DiskForecast[] {
  return free.flatMap(({ labels, points }): DiskForecast[] => {
    const { mountpoint = '' } = labels;
    const size = sizes.find((entry) => entry.labels.mountpoint === mountpoint)?.points.at(-1)?.[1];
    const [first, last] = [points[0], points.at(-1)];
    if (size === undefined || !first || !last) return [];
    const measuredSeconds = last[0] - first[0];
    const perDay = measuredSeconds < LEAST_SECONDS ? null : -slopeOf(points) * DAY;
    const fullInDays = perDay !== null && perDay > 0 ? last[1] / perDay : null;
    return [{ mountpoint, free: last[1], size, fullInDays, perDay, measuredSeconds }];
  });
}

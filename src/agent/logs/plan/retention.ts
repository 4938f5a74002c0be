import type { Segment } from './segment.ts';

/** How long lines are kept as files. */
export interface Retention {
  days: number;
  /** Disk space for all of them at most, in bytes. */
  size: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Whether the newest line of a segment may be older than so many days. @param now milliseconds since 1970 */
export const isOld = ({ hour }: Segment, days: number, now: number): boolean =>
  Date.parse(`${hour}:00:00Z`) + HOUR_MS < now - days * DAY_MS;

/**
 * Which segments go: those whose newest line may be older than `days`, and the oldest of the others until what is left fits. The
 * one that is written to stays.
 * @param now milliseconds since 1970
 */
export function expired(segments: readonly (Segment & { bytes: number })[], { days, size }: Retention, now: number): Segment[] {
  const done = segments.slice(0, -1);
  const old = done.filter((segment) => isOld(segment, days, now));
  let total = segments.reduce((sum, { bytes }) => sum + bytes, 0) - old.reduce((sum, { bytes }) => sum + bytes, 0);
  const large = done.filter((segment) => {
    if (old.includes(segment) || total <= size) return false;
    total -= segment.bytes;
    return true;
  });
  return [...old, ...large];
}

import { Cron } from 'croner';

/**
 * When a schedule falls, in a time zone: croner, because a day may have 23 or 25 hours. What falls into the hour that is
 * skipped in spring happens after it; what falls into the hour that comes twice in autumn happens once.
 */
interface Times {
  /** Five fields of cron. */
  cron: string;
  /** Of the IANA database, such as `Europe/Berlin`. */
  zone: string;
}

const scheduled = ({ cron, zone }: Times): Cron => new Cron(cron, { timezone: zone, mode: '5-part', paused: true });

/** The last time at or before a moment; undefined where there is none. */
export function lastTime(times: Times, until: Date): Date | undefined {
  // croner gives what is before its reference, by whole seconds.
  return scheduled(times).previousRuns(1, new Date(Math.floor(until.getTime() / 1000) * 1000 + 1000))[0];
}

/** The next time after a moment; undefined where there is none. */
export const nextTime = (times: Times, after: Date): Date | undefined => scheduled(times).nextRun(after) ?? undefined;

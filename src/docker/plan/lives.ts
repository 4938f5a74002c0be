/** Pure: judges and describes restarts by the engine. Times are milliseconds. */

import { durationText } from '../../core/time.ts';

export interface Life {
  /** How often the engine has restarted it by itself since it was last started on purpose. */
  restarts: number;
  created: number;
  /** When it was last started, by the engine or on purpose. */
  started: number;
}

/** A restart is worth a warning for so long. */
const RECENT_MS = 600_000;
/** From so many on it is a loop, if the last one was just now or they come that often. */
const LOOP = 3;
const JUST_MS = 60_000;

/** `loops`: it ends again and again, although it may run and answer at this moment. */
export function judgeLife({ restarts, created, started }: Life, now: number): 'calm' | 'restarted' | 'loops' {
  const since = now - started;
  if (restarts === 0 || since >= RECENT_MS) return 'calm';
  const often = (started - created) / restarts < RECENT_MS;
  return restarts >= LOOP && (since < JUST_MS || often) ? 'loops' : 'restarted';
}

/** `restarted 3 times, last 20 s ago`. */
export const restartsText = ({ restarts, started }: Life, now: number): string =>
  restarts === 1 ? `restarted once, ${ago(now - started)}` : `restarted ${restarts} times, last ${ago(now - started)}`;

export const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

const ago = (ms: number): string => `${durationText(ms / 1000)} ago`;

/** How often the engine has restarted a container since `before` was seen of it; since its own start where it is new. */
export const restartsSince = (before: Life | undefined, { restarts }: Life): number =>
  // A start on purpose sets the engine's count to zero.
  before && restarts >= before.restarts ? restarts - before.restarts : restarts;

import { setTimeout as sleep } from 'node:timers/promises';
import type { LogTally } from './log-tally.ts';

/** Folders of the volume: what is kept as files, and what waits for a store. */
export const KEPT = 'files';
export const BUFFER = 'buffer';

/** What becomes of lines once they are on disk. */
export interface LogStore {
  /** Works until it is stopped. */
  run(signal: AbortSignal): Promise<void>;
  /** A batch was written. */
  written(): void;
  /** When the oldest line was written that the store does not have, in milliseconds since 1970. */
  oldest(): number | undefined;
}

export interface ShipperEffects {
  tally: LogTally;
  /** Milliseconds since 1970: lines, their files and `health` go by the clock on the wall. */
  now(): number;
  /** Hears how a topic stands, and passes it on when that is new. */
  tell(topic: string, what: string): void;
  /** How it stands is written there, for `health`. */
  statusFile: string;
}

/** Waits, and comes back early where it is stopped. */
export const pause = (ms: number, signal: AbortSignal): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => undefined);

import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from './errors.ts';

/** Not the clock on the wall, which may be set while something waits: a wait must end neither at once nor an hour later. */
const monotonic = { now: (): Date => new Date(performance.now()) };

export interface Polling {
  /** Milliseconds between two probes; a function is asked after each. */
  every: number | (() => number);
  /** Milliseconds after which it gives up; the probe runs at least once. */
  timeout: number;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  clock?: { now(): Date };
  /** Rejects once the signal is aborted. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const abortableDelay = (ms: number, signal: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal });

/**
 * Probes until there is a value, and waits in between: the one wait of the command line, so that Ctrl-C ends every one.
 * @returns undefined once the time is over
 * @throws UserError INTERRUPTED on Ctrl-C, and whatever the probe throws
 */
export async function poll<T>(probe: () => T | undefined | Promise<T | undefined>, polling: Polling): Promise<T | undefined> {
  const { every, timeout, signal, clock = monotonic, sleep = abortableDelay } = polling;
  const deadline = clock.now().getTime() + timeout;
  for (;;) {
    if (signal.aborted) throw interrupted();
    const value = await probe();
    if (value !== undefined) return value;
    if (clock.now().getTime() >= deadline) return undefined;
    await sleep(typeof every === 'number' ? every : every(), signal).catch((error) => {
      throw signal.aborted ? interrupted() : error;
    });
  }
}

const interrupted = (): UserError => new UserError('INTERRUPTED', 'interrupted', 'run the same command again: it goes on from here');

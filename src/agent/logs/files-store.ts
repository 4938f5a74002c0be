import type { LogsConfig } from '../config.ts';
import type { Journal } from './journal.ts';
import { type LogStore, pause, type ShipperEffects } from './log-store.ts';
import { expired } from './plan/retention.ts';

const LOOK_MS = 10_000;

/** Lines stay where they are: what is done is compressed, and removed when it is too old or too much. */
export function filesStore({ days, size }: Pick<LogsConfig, 'days' | 'size'>, journal: Journal, effects: ShipperEffects): LogStore {
  const { tally, now, tell } = effects;
  const compress = async (): Promise<void> => {
    await journal.rotateIfDue();
    await journal.compress();
  };
  const round = async (): Promise<void> => {
    const problem = await compress().then(
      () => undefined,
      (error: Error) => error,
    );
    // Also on a full disk, which is what this helps.
    for (const segment of expired(await journal.segments(), { days, size }, now())) await journal.remove(segment);
    tally.bytes = (await journal.segments()).reduce((sum, { bytes }) => sum + bytes, 0);
    if (problem) throw problem;
  };
  return {
    run: async (signal) => {
      while (!signal.aborted) {
        await round().then(
          () => tell('logs kept', 'logs: files are kept as long as they should be'),
          (error: Error) => tell('logs kept', `logs: files are not compressed or removed: ${error.message}`),
        );
        await pause(LOOK_MS, signal);
      }
    },
    written: () => {
      tally.shipped = tally.kept;
      tally.up = true;
      tally.problem = undefined;
    },
    oldest: () => undefined,
  };
}

// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function within(ms, promise) {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(
    () => {
      throw new Error(`no answer within ${ms / 1000} s`);
    },
    () => /** @type {never} */ (undefined),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/**
 * Callers that come while one run is under way share it: slow probes must not pile up.
 * @template T
 * @param {() => Promise<T>} run
 */
export function shared(run) {
  /** @type {Promise<T> | undefined} */
  let running;
  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

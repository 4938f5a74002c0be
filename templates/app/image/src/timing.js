// @ts-check

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
export async function within(ms, promise) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((/** @type {(value: never) => void} */ _resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Callers that come while one run is under way share it: slow probes must not pile up.
 * @template T
 * @template {unknown[]} A
 * @param {(...args: A) => Promise<T>} run is given what the first of them says
 */
export function shared(run) {
  /** @type {Promise<T> | undefined} */
  let running;
  return (/** @type {A} */ ...args) => {
    running ??= run(...args).finally(() => {
      running = undefined;
    });
    return running;
  };
}

// @ts-check
import { performance } from 'node:perf_hooks';

/** A log of acknowledged writes: what was, how long nothing was, and what went wrong meanwhile. */
export function writeLog() {
  /** @type {string[]} */
  const acknowledged = [];
  /** @type {Record<string, number>} */
  const errors = {};
  /** @type {{from: number, to: number}} */
  let longest = { from: 0, to: 0 };
  let last = 0;
  return {
    acknowledged,
    ack(/** @type {string} */ id) {
      const now = performance.now();
      if (last > 0 && now - last > longest.to - longest.from) longest = { from: last, to: now };
      last = now;
      acknowledged.push(id);
    },
    fail(/** @type {any} */ error) {
      const kind = String(error?.code ?? error?.message ?? error).slice(0, 100);
      errors[kind] = (errors[kind] ?? 0) + 1;
    },
    /** One that never came back leaves its gap open. */
    report() {
      const open = { from: last, to: performance.now() };
      const gap = last > 0 && open.to - open.from > longest.to - longest.from ? open : longest;
      return {
        acknowledged: acknowledged.length,
        longestGapMs: Math.round(gap.to - gap.from),
        gapBeganAt: new Date(performance.timeOrigin + gap.from).toISOString(),
        errors,
      };
    },
  };
}

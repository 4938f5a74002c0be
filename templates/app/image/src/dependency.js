// @ts-check
import { describe } from './errors.js';
import { shared, within } from './timing.js';

// Shorter than the time-out of a balancer's check, so that a dependency that hangs gets an answer in words.
const LIMIT_MS = 1000;

/**
 * What the replicas share is away for all of them at the same moment. Were each to turn itself in at once, a pause of a
 * second in Redis would leave the balancer with no replica at all, and every visitor with an error page, where the
 * portal itself would have waited or gone without. So a dependency that has been there counts as `away` for the grace, and
 * only then as `failed`. One that was never there has no grace: a new replica that cannot reach it must not get traffic.
 * @param {string} name
 * @param {() => Promise<string | void>} run may resolve to words about it
 * @param {number} graceMs
 * @param {() => number} [now]
 */
export function createDependency(name, run, graceMs, now = () => performance.now()) {
  // A hanging network mount keeps its thread for ever; sharing one run keeps it to one thread.
  const once = shared(async () => run());
  let reached = false;
  /** @type {number | undefined} */
  let awaySince;
  return async () => {
    const started = now();
    const ms = () => Math.round(now() - started);
    try {
      const message = (await within(LIMIT_MS, once())) ?? 'ok';
      reached = true;
      awaySince = undefined;
      return { name, status: 'ok', message, ms: ms() };
    } catch (error) {
      awaySince ??= started;
      const status = reached && started - awaySince < graceMs ? 'away' : 'failed';
      return { name, status, message: describe(error), ms: ms() };
    }
  };
}

// @ts-check
import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What a request's trace consists of until its end, when it is known whether anybody wants it: plain numbers, which cost a
 * fiftieth of the spans that are made of the few that are kept.
 * @typedef {object} Trace
 * @property {string} traceId 32 hex digits
 * @property {string | undefined} parent the span outside that it continues, 16 hex digits
 * @property {boolean} sampled it is kept, however it ends
 * @property {number} began ms since 1970
 * @property {number} start of the monotonic clock, in ms, as all times below
 * @property {Call[]} calls
 * @property {number} lost calls beyond the most that are remembered
 * @property {boolean} ended
 */

/**
 * A call to something else: the database, the cache, a service outside.
 * @typedef {object} Called
 * @property {string} name
 * @property {Record<string, string | number>} attributes by OpenTelemetry's semantic conventions
 */

/** @typedef {Called & {start: number, end: number | undefined, failed: string | undefined}} Call */

/** Of one request; a loop over thousands of queries must not fill the memory. */
const MOST_CALLS = 128;

/** @type {AsyncLocalStorage<Trace>} */
export const current = new AsyncLocalStorage();

/** For every log line that is written on behalf of a request. */
export const traceFields = () => {
  const trace = current.getStore();
  return trace ? { traceId: trace.traceId } : {};
};

/**
 * Runs a call, and remembers it where the request that it is made for is traced.
 * @template T
 * @param {() => Called} describe asked only where it is
 * @param {() => Promise<T>} run
 * @param {(result: T) => Record<string, string | number>} [told] attributes of the answer
 * @returns {Promise<T>} that of `run` itself
 */
export function call(describe, run, told) {
  const trace = current.getStore();
  if (!trace || trace.ended) return run();
  if (trace.calls.length >= MOST_CALLS) {
    trace.lost++;
    return run();
  }
  /** @type {Call} */
  const entry = { ...describe(), start: performance.now(), end: undefined, failed: undefined };
  trace.calls.push(entry);
  const running = run();
  running.then(
    (result) => {
      entry.end = performance.now();
      if (told) Object.assign(entry.attributes, told(result));
    },
    (error) => {
      entry.end = performance.now();
      entry.failed = errorType(error);
    },
  );
  return running;
}

/** A word of a small set, never the message: it may quote what a visitor has sent. @param {any} error */
export function errorType(error) {
  const word = error?.code ?? error?.cause?.code ?? error?.name;
  return typeof word === 'string' && /^[\w.-]{1,64}$/.test(word) ? word : 'Error';
}

// @ts-check

// A request's trace is handed from function to function: by AsyncLocalStorage, Node 20 took 50 us more for a request, which has 120 in all.

/**
 * What is remembered of a request until its end, when it is known whether it is kept: plain numbers and functions. The spans of
 * OpenTelemetry, which cost twenty times as much, are made of the few that are.
 * @typedef {object} Trace
 * @property {string} traceId 32 hex digits
 * @property {string | undefined} parent the span outside that it continues, 16 hex digits
 * @property {boolean} sampled it is kept, however it ends
 * @property {number} start of the monotonic clock, in ms, as all times below
 * @property {Call[]} calls
 * @property {number} lost calls beyond the most that are remembered
 */

/** @typedef {import('fastify').FastifyRequest & {trace?: Trace | null}} TracedRequest */

/**
 * A call to something else: the database, the cache, a service outside.
 * @typedef {object} Called
 * @property {string} name
 * @property {Record<string, string | number>} attributes by OpenTelemetry's semantic conventions
 */

/**
 * @typedef {object} Call
 * @property {(outcome: any) => Called} describe
 * @property {number} start
 * @property {number | undefined} end
 * @property {unknown} outcome a summary of the result for `describe`; the result itself would stay in memory until the batch is sent
 * @property {string | undefined} failed
 */

/** Of one request; a loop over thousands of queries must not fill the memory. */
const MOST_CALLS = 128;

/**
 * Runs a call, and remembers it where the request that it is made for is traced.
 * @template T, O
 * @param {Trace | null | undefined} trace
 * @param {(outcome: O | undefined) => Called} describe asked only of a trace that is kept
 * @param {() => Promise<T>} run
 * @param {(result: T) => O} [outcomeOf] returns the summary of the result that `describe` receives
 * @returns {Promise<T>} that of `run` itself
 */
export function call(trace, describe, run, outcomeOf) {
  if (!trace) return run();
  if (trace.calls.length >= MOST_CALLS) {
    trace.lost++;
    return run();
  }
  /** @type {Call} */
  const entry = { describe, start: performance.now(), end: undefined, outcome: undefined, failed: undefined };
  trace.calls.push(entry);
  const running = run();
  running.then(
    (result) => {
      entry.end = performance.now();
      entry.outcome = outcomeOf?.(result);
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

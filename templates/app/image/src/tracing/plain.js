// @ts-check
import { describeRequest } from './requests.js';

/**
 * A call, or the request itself.
 * @typedef {object} PlainCall
 * @property {string} name
 * @property {Record<string, string | number>} attributes by OpenTelemetry's semantic conventions
 * @property {string | undefined} failed
 * @property {number} start in ms since 1970, as `end`
 * @property {number} end
 */

/**
 * A trace in values that another thread can be given.
 * @typedef {object} PlainTrace
 * @property {string} traceId 32 hex digits
 * @property {string | undefined} parent the span outside that it continues, 16 hex digits
 * @property {PlainCall} request
 * @property {PlainCall[]} calls that it has made
 */

/** @param {import('./queue.js').Kept} kept @returns {PlainTrace} */
export function plainTrace({ trace, ended }) {
  const at = (/** @type {number} */ time) => ended.endedAt + time - ended.end;
  const { name, attributes, failed } = describeRequest(ended);
  return {
    traceId: trace.traceId,
    parent: trace.parent,
    request: {
      name,
      attributes: { ...attributes, ...(trace.lost > 0 && { 'medianest.calls_lost': trace.lost }) },
      failed,
      start: at(trace.start),
      end: ended.endedAt,
    },
    calls: trace.calls.map(({ describe, outcome, start, end, failed }) => ({
      ...describe(outcome),
      failed,
      start: at(start),
      end: at(end ?? ended.end),
    })),
  };
}

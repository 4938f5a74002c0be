// @ts-check
import { randomUUID } from 'node:crypto';
import { errorType } from './trace.js';

/** @typedef {import('./trace.js').Trace} Trace */
/** @typedef {{trustsParent: boolean, sample: number, slowMs: number}} Sampling */

/**
 * How a request has ended: what its span is made of later.
 * @typedef {object} Ended
 * @property {number} end of the monotonic clock, in ms
 * @property {number} endedAt the same moment, in ms since 1970
 * @property {string} id its correlation id
 * @property {string} method
 * @property {string} scheme
 * @property {string} url with its query
 * @property {string} version of HTTP
 * @property {string | undefined} route its pattern
 * @property {number} status
 * @property {unknown} failure the error that it ended with
 */

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY'];
/** `00-<trace>-<span>-<flags>`. */
const PARENT_LENGTH = 55;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const ODD_DIGITS = '13579bdf';

/**
 * Remembers what each request does, and hands over what is worth keeping when it has ended: never a health check or a scrape.
 * @param {import('fastify').FastifyInstance} app
 * @param {Sampling} sampling
 * @param {(kept: {trace: Trace, ended: Ended}) => void} keep
 */
export function traceRequests(app, sampling, keep) {
  app.decorateRequest('trace', null);
  app.addHook('onRequest', (/** @type {any} */ req, _reply, done) => {
    req.trace = begin(req.headers.traceparent, sampling);
    done();
  });
  app.addHook('onResponse', (/** @type {any} */ req, reply, done) => {
    const end = performance.now();
    if (req.trace && isKept(req.trace, reply.statusCode, end, sampling)) {
      const { url: route, config } = req.routeOptions;
      if (!config.quiet) keep({ trace: req.trace, ended: ended(req, reply, route, end, sampling) });
    }
    done();
  });
}

/**
 * @param {string | string[] | undefined} header of W3C Trace Context
 * @param {Sampling} sampling
 * @returns {Trace}
 */
function begin(header, { trustsParent, sample }) {
  const parent = trustsParent && typeof header === 'string' ? parentOf(header) : undefined;
  const traceId = parent?.traceId ?? randomUUID().replaceAll('-', '');
  return {
    traceId,
    parent: parent?.spanId,
    sampled: parent?.sampled ?? isSampled(traceId, sample),
    start: performance.now(),
    calls: [],
    lost: 0,
  };
}

/**
 * `traceparent` of https://www.w3.org/TR/trace-context/; undefined where it is none. Each request has one: a regular expression took
 * four times as long.
 * @param {string} header
 */
function parentOf(header) {
  if (header.length !== PARENT_LENGTH || !header.startsWith('00-') || header[35] !== '-' || header[52] !== '-') return undefined;
  const traceId = header.slice(3, 35);
  const spanId = header.slice(36, 52);
  const flags = header.slice(53);
  if (!isHex(traceId) || !isHex(spanId) || !isHex(flags) || traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: ODD_DIGITS.includes(/** @type {string} */ (flags[1])) };
}

/** Whether all are digits of lower-case hexadecimal. @param {string} text */
function isHex(text) {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false;
  }
  return true;
}

/** By the id, so that all replicas decide the same: by its last 52 bits, of which none is fixed. @param {string} traceId @param {number} sample */
const isSampled = (traceId, sample) => Number.parseInt(traceId.slice(-13), 16) < sample * 2 ** 52;

/**
 * Only now is known what was not at the beginning: that it failed, or was slow.
 * @param {Trace} trace @param {number} status @param {number} end @param {Sampling} sampling
 */
const isKept = (trace, status, end, { slowMs }) =>
  trace.sampled || status >= 500 || end - trace.start >= slowMs || trace.calls.some(({ failed }) => failed !== undefined);

/**
 * @param {any} req @param {import('fastify').FastifyReply} reply @param {string | undefined} route @param {number} end @param {Sampling} sampling
 * @returns {Ended}
 */
const ended = (req, reply, route, end, sampling) => ({
  end,
  endedAt: Date.now(),
  id: req.id,
  method: req.method,
  scheme: schemeOf(req.raw, sampling),
  url: req.url,
  version: req.raw.httpVersion,
  route,
  status: reply.statusCode,
  failure: req.failure,
});

/**
 * As the edge says, whose word counts where that of a trace does. Fastify's own `protocol` asks each time whether the address is trusted,
 * which takes as long as all the rest of a span.
 * @param {import('node:http').IncomingMessage} raw @param {Sampling} sampling
 */
function schemeOf({ headers, socket }, { trustsParent }) {
  const told = headers['x-forwarded-proto'];
  if (trustsParent && (told === 'http' || told === 'https')) return told;
  return 'encrypted' in socket ? 'https' : 'http';
}

/**
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/, without the query and the visitor's address.
 * @param {Ended} ended
 * @returns {import('./trace.js').Called & {failed: string | undefined}}
 */
export function describeRequest({ id, method, scheme, url, version, route, status, failure }) {
  const known = METHODS.includes(method) ? method : '_OTHER';
  return {
    name: route ? `${known} ${route}` : known,
    failed: status < 500 ? undefined : failure ? errorType(failure) : String(status),
    attributes: {
      'http.request.method': known,
      'url.scheme': scheme,
      'url.path': /** @type {string} */ (url.split('?')[0]),
      ...(route && { 'http.route': route }),
      'http.response.status_code': status,
      'network.protocol.version': version,
      'medianest.correlation_id': id,
    },
  };
}

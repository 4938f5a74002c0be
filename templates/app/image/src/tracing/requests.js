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
const PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

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
  const [, told, parent, flags] = (trustsParent && typeof header === 'string' && PARENT.exec(header)) || [];
  const traceId = told ?? randomUUID().replaceAll('-', '');
  return {
    traceId,
    parent,
    sampled: flags === undefined ? isSampled(traceId, sample) : (Number.parseInt(flags, 16) & 1) === 1,
    start: performance.now(),
    calls: [],
    lost: 0,
  };
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
 * From the edge's header, where the edge is trusted. Fastify's `protocol` compares the address with the trusted ranges first, which
 * takes 3 us.
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

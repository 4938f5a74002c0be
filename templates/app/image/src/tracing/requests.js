// @ts-check
import { randomUUID } from 'node:crypto';
import { errorType } from './trace.js';

/** @typedef {import('./trace.js').Trace} Trace */
/** @typedef {{trustsParent: boolean, sample: number, slowMs: number}} Sampling */

/**
 * How a request has ended.
 * @typedef {object} Ended
 * @property {string} name
 * @property {number} end
 * @property {Record<string, string | number>} attributes
 * @property {string | undefined} failed
 */

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE', 'QUERY'];
const PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Remembers what each request does, and hands over what is worth keeping when it has ended. Health checks and scrapes have no trace.
 * @param {import('fastify').FastifyInstance} app
 * @param {Sampling} sampling
 * @param {(trace: Trace, ended: Ended) => void} keep
 */
export function traceRequests(app, sampling, keep) {
  app.decorateRequest('trace', null);
  app.addHook('onRequest', (/** @type {any} */ req, _reply, done) => {
    const { url, config } = req.routeOptions;
    if (!config.quiet) req.trace = begin(req.headers.traceparent, url, sampling);
    done();
  });
  app.addHook('onResponse', (/** @type {any} */ req, reply, done) => {
    const end = performance.now();
    if (req.trace && isKept(req.trace, reply.statusCode, end, sampling)) keep(req.trace, ended(req, reply, end));
    done();
  });
}

/**
 * @param {string | string[] | undefined} header of W3C Trace Context
 * @param {string | undefined} route
 * @param {Sampling} sampling
 * @returns {Trace}
 */
function begin(header, route, { trustsParent, sample }) {
  const [, told, parent, flags] = (trustsParent && typeof header === 'string' && PARENT.exec(header)) || [];
  const traceId = told ?? randomUUID().replaceAll('-', '');
  return {
    traceId,
    parent,
    sampled: flags === undefined ? isSampled(traceId, sample) : (Number.parseInt(flags, 16) & 1) === 1,
    route,
    began: Date.now(),
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
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/, without the query and the visitor's address.
 * @param {any} req @param {import('fastify').FastifyReply} reply @param {number} end
 * @returns {Ended}
 */
function ended(req, reply, end) {
  const method = METHODS.includes(req.method) ? req.method : '_OTHER';
  const { route } = req.trace;
  return {
    name: route ? `${method} ${route}` : method,
    end,
    failed: reply.statusCode < 500 ? undefined : req.failure ? errorType(req.failure) : String(reply.statusCode),
    attributes: {
      'http.request.method': method,
      'url.scheme': req.protocol,
      'url.path': req.url.split('?')[0],
      ...(route && { 'http.route': route }),
      'http.response.status_code': reply.statusCode,
      'network.protocol.version': req.raw.httpVersion,
      'medianest.correlation_id': req.id,
    },
  };
}

// @ts-check
import { randomBytes } from 'node:crypto';
import { current, errorType } from './current.js';

/** @typedef {import('./current.js').Trace} Trace */
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
    if (req.routeOptions.config.quiet) return done();
    req.trace = begin(req.headers.traceparent, sampling);
    current.run(req.trace, done);
  });
  // A body is read in the context of its connection, and what comes after it would be too.
  app.addHook('preValidation', (/** @type {any} */ req, _reply, done) => (req.trace ? current.run(req.trace, done) : done()));
  app.addHook('onResponse', (/** @type {any} */ req, reply, done) => {
    /** @type {Trace | null} */
    const trace = req.trace;
    if (trace) {
      trace.ended = true;
      const ended = end(req, reply);
      if (isKept(trace, ended, sampling)) keep(trace, ended);
    }
    done();
  });
}

/**
 * @param {string | string[] | undefined} header of W3C Trace Context
 * @param {Sampling} sampling
 * @returns {Trace}
 */
export function begin(header, { trustsParent, sample }) {
  const [, told, parent, flags] = (trustsParent && typeof header === 'string' && PARENT.exec(header)) || [];
  const traceId = told ?? randomBytes(16).toString('hex');
  return {
    traceId,
    parent,
    sampled: flags === undefined ? isSampled(traceId, sample) : (Number.parseInt(flags, 16) & 1) === 1,
    began: Date.now(),
    start: performance.now(),
    calls: [],
    lost: 0,
    ended: false,
  };
}

/** By the id, so that all replicas decide the same. Its last 52 bits, which W3C asks to be random. @param {string} traceId @param {number} sample */
const isSampled = (traceId, sample) => Number.parseInt(traceId.slice(-13), 16) < sample * 2 ** 52;

/**
 * Only now is known what nobody could have known before: that it failed, or was slow.
 * @param {Trace} trace @param {Ended} ended @param {Sampling} sampling
 */
export const isKept = (trace, ended, { slowMs }) =>
  trace.sampled ||
  ended.failed !== undefined ||
  ended.end - trace.start >= slowMs ||
  trace.calls.some(({ failed }) => failed !== undefined);

/**
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/, without the query and the visitor's address.
 * @param {any} req @param {import('fastify').FastifyReply} reply
 * @returns {Ended}
 */
function end(req, reply) {
  const method = METHODS.includes(req.method) ? req.method : '_OTHER';
  const route = req.routeOptions.url;
  const failed = reply.statusCode >= 500 ? (req.failure ? errorType(req.failure) : String(reply.statusCode)) : undefined;
  return {
    name: route ? `${method} ${route}` : method,
    end: performance.now(),
    failed,
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

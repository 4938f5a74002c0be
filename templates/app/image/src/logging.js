// @ts-check
import { randomUUID } from 'node:crypto';
import pino from 'pino';
import { describe } from './errors.js';

/** @typedef {import('pino').Logger} Logger */

/** @param {string} level @param {Record<string, string>} [base] */
export function createLogger(level, base = {}) {
  return pino({
    level,
    base,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: safeError },
  });
}

/**
 * Never the whole error: ioredis attaches the failed command with its arguments, AUTH and its password
 * among them, and others attach URLs.
 * @param {any} error
 */
function safeError(error) {
  return {
    type: error?.name,
    code: error?.code,
    message: describe(error),
    stack: error?.stack,
    cause: error?.cause && describe(error.cause),
  };
}

/** @param {import('node:http').IncomingMessage} req */
export function correlationId(req) {
  const given = req.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._-]{8,128}$/.test(given) ? given : randomUUID();
}

/**
 * One line for each request. The path goes without its query, which may contain secrets.
 * @param {import('fastify').FastifyInstance} app
 * @param {Logger} log
 */
export function logRequests(app, log) {
  app.decorateRequest('failure', null);
  app.addHook('onRequest', async (req, reply) => {
    reply.header('x-request-id', req.id);
  });
  app.addHook('onResponse', async (/** @type {any} */ req, reply) => {
    const failed = reply.statusCode >= 500;
    const { url: route, config } = req.routeOptions;
    const level = config.quiet ? 'debug' : failed ? 'error' : 'info';
    log[level](
      {
        correlationId: req.id,
        ...(req.trace && !config.quiet && { traceId: req.trace.traceId }),
        method: req.method,
        path: req.url.split('?')[0],
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        ip: req.ip,
        ...(failed && req.failure ? { err: req.failure } : {}),
      },
      'request',
    );
  });
}

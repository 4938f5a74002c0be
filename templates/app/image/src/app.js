// @ts-check
import cookie from '@fastify/cookie';
import multipart from '@fastify/multipart';
import fastify from 'fastify';
import { closeConnectionsWhile } from './drain.js';
import { handleErrors, refuseBadAddress } from './errors.js';
import { correlationId, logRequests } from './logging.js';
import { measureRequests } from './metrics.js';
import { healthRoutes } from './routes/health.js';
import { mediaRoutes } from './routes/media.js';
import { errorPage, pageRoutes } from './routes/page.js';
import { peopleRoutes } from './routes/people.js';
import { requestRoutes } from './routes/requests.js';
import { sessionRoutes } from './routes/session.js';
import { statusRoutes } from './routes/status.js';
import { uploadRoutes } from './routes/uploads.js';
import { secure } from './security.js';
import { guard } from './sign-on/guard.js';
import { tlsOptions } from './tls.js';

/**
 * @typedef {object} Parts
 * @property {import('./config.js').Config} config
 * @property {import('./logging.js').Logger} log
 * @property {import('./database.js').Database} database
 * @property {import('./sessions.js').Sessions} sessions
 * @property {import('./sign-on/people.js').People} people
 * @property {import('./requests/store.js').RequestStore} requests
 * @property {import('./media/overseerr.js').Overseerr | undefined} overseerr only behind sign-on
 * @property {import('./tasks/worker.js').Worker | undefined} worker only behind sign-on
 * @property {Record<string, import('./tasks/worker.js').Lane>} lanes
 * @property {import('./upload-store.js').UploadStore} store
 * @property {import('./upload-quota.js').UploadQuota} quota
 * @property {import('./metrics.js').Metrics} metrics
 * @property {import('./drain.js').Drain} drain
 * @property {import('./tracing/tracing.js').Tracing | undefined} tracing
 * @property {ReturnType<typeof import('./services.js').createServiceProbes>} serviceStates
 */

/** @param {Parts} parts */
export async function createApp(parts) {
  const { config, log, drain, metrics } = parts;
  const app = fastify({
    logger: false,
    https: tlsOptions(config.tls) ?? null,
    genReqId: correlationId,
    // The balancer and the edge live on private addresses; no other host may speak for a client.
    trustProxy: ['loopback', 'linklocal', 'uniquelocal'],
    bodyLimit: 64 * 1024,
    // Longer than any proxy in front keeps an idle connection, or it would reuse one that is just closing.
    keepAliveTimeout: 75_000,
    forceCloseConnections: config.development ? true : 'idle',
    frameworkErrors: refuseBadAddress,
    ajv: { customOptions: { removeAdditional: false } },
  });
  app.server.headersTimeout = 80_000;

  parts.tracing?.observe(app);
  logRequests(app, log);
  secure(app, config.assetsUrl);
  guard(app, config.signOn);
  closeConnectionsWhile(app, drain);
  handleErrors(app, drain, errorPage(config));
  await app.register(cookie);
  await app.register(multipart);
  measureRequests(app, metrics);
  healthRoutes(app, parts);
  peopleRoutes(app, parts);
  sessionRoutes(app, parts);
  statusRoutes(app, parts);
  requestRoutes(app, parts);
  mediaRoutes(app, parts);
  uploadRoutes(app, parts);
  pageRoutes(app, parts);
  return app;
}

// @ts-check
import { describe } from '../errors.js';
import { shared, within } from '../timing.js';

const LIMIT_MS = 2000;

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function healthRoutes(app, { database, sessions, store, drain }) {
  const checks = [bounded('postgresql', database.check), bounded('redis', sessions.ping), bounded('uploads', store.check)];
  const options = { config: { quiet: true } };

  app.get('/api/health', options, async (_req, reply) => {
    reply.header('cache-control', 'no-store');
    return { status: 'ok' };
  });

  app.get('/api/health/ready', options, async (_req, reply) => {
    reply.header('cache-control', 'no-store');
    if (drain.active) {
      return reply.code(503).send({ status: 'draining', checks: [] });
    }
    const results = await Promise.all(checks.map((check) => check()));
    const ready = results.every((result) => result.status === 'ok');
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not-ready', checks: results });
  });
}

/**
 * A hanging network mount keeps its thread for ever; sharing one run keeps it to one thread.
 * @param {string} name
 * @param {() => Promise<unknown>} run
 */
function bounded(name, run) {
  const once = shared(async () => run());
  return async () => {
    const started = performance.now();
    const ms = () => Math.round(performance.now() - started);
    try {
      await within(LIMIT_MS, once());
      return { name, status: 'ok', message: 'ok', ms: ms() };
    } catch (error) {
      return { name, status: 'failed', message: describe(error), ms: ms() };
    }
  };
}

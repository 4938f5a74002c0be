// @ts-check
import { createDependency } from '../dependency.js';

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function healthRoutes(app, { config, database, sessions, store, drain }) {
  const checks = [
    createDependency('postgresql', database.check, config.readyGraceMs),
    createDependency('redis', () => sessions.ping(), config.readyGraceMs),
    createDependency('uploads', store.check, config.readyGraceMs),
  ];
  const options = { config: { quiet: true, needs: 'nothing' } };

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
    const ready = results.every((result) => result.status !== 'failed');
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not-ready', checks: results });
  });
}

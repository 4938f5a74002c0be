// @ts-check
import { readdir } from 'node:fs/promises';
import { shared, within } from '../timing.js';

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function statusRoutes(app, { config, serviceStates }) {
  app.get('/api/status', { config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    reply.header('cache-control', 'no-store');
    return { services: await serviceStates(req.trace), media: await media(), app: config.app };
  });

  const list = shared(() => readdir(/** @type {string} */ (config.mediaPath), { withFileTypes: true }));

  async function media() {
    if (!config.mediaPath) return { available: false, folders: 0, files: 0 };
    try {
      const entries = await within(2000, list());
      return { available: true, folders: entries.filter((e) => e.isDirectory()).length, files: entries.filter((e) => e.isFile()).length };
    } catch {
      return { available: false, folders: 0, files: 0 };
    }
  }
}

// @ts-check
import { HttpError } from './errors.js';

const HEADERS = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @param {import('fastify').FastifyInstance} app */
export function secure(app) {
  app.addHook('onRequest', async (req, reply) => {
    reply.headers(HEADERS);
    // A foreign page can post a form, a file even, without asking first; browsers say where it came from.
    if (!SAFE.has(req.method) && req.headers['sec-fetch-site'] === 'cross-site') {
      throw new HttpError(403, 'cross-site', 'This request came from another site and was refused.');
    }
  });
}

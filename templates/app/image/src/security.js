// @ts-check
import { HttpError } from './errors.js';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @param {string} [assets] another origin that scripts, styles and images come from */
function contentPolicy(assets) {
  const rules = ["default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"];
  if (assets) rules.push(...['script-src', 'style-src', 'img-src'].map((rule) => `${rule} 'self' ${assets}`));
  return rules.join('; ');
}

/** @param {import('fastify').FastifyInstance} app @param {string} [assets] */
export function secure(app, assets) {
  const headers = { ...HEADERS, 'content-security-policy': contentPolicy(assets) };
  app.addHook('onRequest', async (req, reply) => {
    reply.headers(headers);
    // A foreign page can post a form, a file even, without asking first; browsers say where it came from.
    if (!SAFE.has(req.method) && req.headers['sec-fetch-site'] === 'cross-site') {
      throw new HttpError(403, 'cross-site', 'This request came from another site and was refused.');
    }
  });
}

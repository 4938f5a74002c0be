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
    if (!SAFE.has(req.method)) refuseForeign(req);
  });
}

/**
 * A foreign page can post a form, a file even, without asking first. Browsers say where it came from; old ones, and all over
 * plain HTTP, say so by `Origin` alone. What says neither may be a browser that a page told to hide it.
 * @param {import('fastify').FastifyRequest} req
 */
function refuseForeign(req) {
  const { 'sec-fetch-site': site, origin } = req.headers;
  if (site === 'cross-site') throw new HttpError(403, 'cross-site', 'This request came from another site and was refused.');
  // A neighbour below the same domain is `same-site`, and its requests carry the visitor's cookies.
  if ((site !== undefined && site !== 'same-site') || isOurs(origin, req.host)) return;
  const message = origin ? 'This request came from another site and was refused.' : 'Send this portal’s address as the header Origin.';
  throw new HttpError(403, 'cross-site', message);
}

/** Not by scheme: a proxy in front may not say which one the visitor used. @param {string | undefined} origin @param {string} host */
function isOurs(origin = '', host) {
  const scheme = /^https?:/i.exec(origin)?.[0];
  const asked = `${scheme}//${host}`;
  return scheme !== undefined && URL.canParse(origin) && URL.canParse(asked) && new URL(origin).host === new URL(asked).host;
}

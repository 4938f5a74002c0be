// @ts-check
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';

const PUBLIC = fileURLToPath(new URL('../../public', import.meta.url));

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function pageRoutes(app, { config }) {
  let page = readPage('index.html', config);
  let admin = readPage('admin.html', config);

  app.get('/', async (req, reply) => {
    if (config.development) page = readPage('index.html', config);
    return sendPage(page, req, reply);
  });
  // It holds no data: what it shows, the API gives to administrators alone.
  app.get('/admin', async (req, reply) => {
    if (config.development) admin = readPage('admin.html', config);
    return sendPage(admin, req, reply);
  });

  app.register(fastifyStatic, {
    root: PUBLIC,
    index: false,
    cacheControl: false,
    allowedPath: (path) => !path.endsWith('.html'),
    setHeaders(reply, path) {
      if (!path.startsWith(PUBLIC)) return;
      // Scripts of modules are fetched with CORS, styles and images without: both must be allowed to come from elsewhere.
      if (config.assetsUrl) {
        reply.header('access-control-allow-origin', '*').header('cross-origin-resource-policy', 'cross-origin');
      }
      // While replicas are being replaced, a new page may ask an old replica for a new file: the answer is
      // the old file, and must not be kept for ever under the new address.
      const current = /** @type {any} */ (reply.request.query).v === page.hash;
      reply.header('cache-control', current && !config.development ? 'public, max-age=31536000, immutable' : 'public, no-cache');
    },
  });
}

/** @param {ReturnType<typeof readPage>} page @param {import('fastify').FastifyRequest} req @param {import('fastify').FastifyReply} reply */
function sendPage({ html, etag }, req, reply) {
  reply.header('cache-control', 'no-cache').header('etag', etag);
  return req.headers['if-none-match'] === etag ? reply.code(304).send() : reply.type('text/html; charset=utf-8').send(html);
}

/** @param {string} file @param {import('../config.js').Config} config */
function readPage(file, config) {
  const hash = version();
  // Bytes: a text would be encoded again for each visitor.
  const html = Buffer.from(render(file, config, hash));
  return { html, hash, etag: `"${createHash('sha256').update(html).digest('hex').slice(0, 24)}"` };
}

/**
 * The page of an address that has no answer.
 * @param {import('../config.js').Config} config
 * @returns {(message: string, correlationId: string) => string}
 */
export function errorPage(config) {
  const html = render('error.html', config, version());
  return (message, correlationId) =>
    html.replaceAll('{{message}}', () => escapeHtml(message)).replaceAll('{{correlationId}}', () => escapeHtml(correlationId));
}

/** @param {string} file @param {import('../config.js').Config} config @param {string} hash of all parts */
function render(file, { app: { name }, assetsUrl }, hash) {
  return readFileSync(join(PUBLIC, file), 'utf8')
    .replaceAll('{{assets}}', assetsUrl ?? '')
    .replaceAll('{{hash}}', hash)
    .replaceAll('{{name}}', () => escapeHtml(name));
}

/** Of all files that a page is made of. */
function version() {
  const hash = createHash('sha256');
  for (const file of readdirSync(PUBLIC).sort()) hash.update(readFileSync(join(PUBLIC, file)));
  return hash.digest('hex').slice(0, 12);
}

/** @param {string} text */
function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

// @ts-check
import { HttpError } from '../errors.js';

const search = {
  querystring: {
    type: 'object',
    required: ['query'],
    additionalProperties: false,
    properties: {
      query: { type: 'string', maxLength: 100, pattern: '\\S' },
      page: { type: 'integer', minimum: 1, maximum: 500, default: 1 },
    },
  },
};
const DAY_SECONDS = 86_400;

/**
 * Films and series, through Overseerr: a visitor's browser asks this portal alone.
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function mediaRoutes(app, { overseerr }) {
  app.get('/api/search', { schema: search, config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    const { query, page } = req.query;
    reply.header('cache-control', 'no-store');
    return theirs().search(query.trim(), page, req.trace);
  });

  app.get('/api/posters/:file', { config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    const found = await theirs().poster(req.params.file, req.trace);
    if (!found) throw new HttpError(404, 'not-found', 'There is no such poster.');
    // What others have made is a picture, and never a page.
    reply.header('content-security-policy', "default-src 'none'; sandbox").header('cache-control', `private, max-age=${DAY_SECONDS}`);
    return reply.type(found.type).send(found.bytes);
  });

  function theirs() {
    if (!overseerr) throw new HttpError(404, 'not-configured', 'Search needs sign-on, and an Overseerr with its API key.');
    return overseerr;
  }
}

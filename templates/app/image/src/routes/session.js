// @ts-check
import { HttpError } from '../errors.js';

const naming = {
  body: {
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: { name: { type: 'string', maxLength: 60, pattern: '\\S' } },
  },
};

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function sessionRoutes(app, { sessions }) {
  app.get('/api/session', { config: { needs: 'look' } }, async (req, reply) => {
    reply.header('cache-control', 'no-store');
    const { person } = /** @type {import('../sign-on/guard.js').KnownRequest} */ (req);
    return person ? { available: true, name: person.name } : sessions.read(req);
  });

  app.post('/api/session', { schema: naming, config: { needs: 'request' } }, async (/** @type {any} */ req, reply) => {
    if (req.person) throw new HttpError(409, 'sign-on', 'Your name comes from sign-on.');
    const name = req.body.name.trim();
    await sessions.setName(req, reply, name);
    return { available: true, name };
  });
}

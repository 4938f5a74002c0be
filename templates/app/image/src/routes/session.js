// @ts-check

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
  app.get('/api/session', async (req, reply) => {
    reply.header('cache-control', 'no-store');
    return sessions.read(req);
  });

  app.post('/api/session', { schema: naming }, async (/** @type {any} */ req, reply) => {
    const name = req.body.name.trim();
    await sessions.setName(req, reply, name);
    return { available: true, name };
  });
}

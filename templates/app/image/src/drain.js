// @ts-check

/** @typedef {ReturnType<typeof createDrain>} Drain */

/** True from the stop signal on: readiness fails, and clients are asked to take their next request elsewhere. */
export function createDrain() {
  return { active: false };
}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {Drain} drain
 */
export function closeConnectionsWhile(app, drain) {
  app.addHook('onSend', async (_req, reply) => {
    if (drain.active) reply.header('connection', 'close');
  });
}

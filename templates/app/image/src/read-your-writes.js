// @ts-check

// Lists come from a replica that may lag a little. Who has just changed something is served by the leader
// for some seconds, or a reload could show the page of before. A cookie, because the next request may meet
// another replica of the portal.
const COOKIE = 'medianest_fresh';
const SECONDS = 10;

/** @param {import('fastify').FastifyRequest} req @param {import('fastify').FastifyReply} reply */
export function markWrite(req, reply) {
  reply.setCookie(COOKIE, '1', {
    path: '/api',
    httpOnly: true,
    sameSite: 'lax',
    secure: req.protocol === 'https',
    maxAge: SECONDS,
  });
}

/** @param {import('fastify').FastifyRequest} req */
export function wroteJustNow(req) {
  return req.cookies[COOKIE] === '1';
}

// @ts-check
import { HttpError } from '../errors.js';
import { page, paging } from '../paging.js';
import { markWrite, wroteJustNow } from '../read-your-writes.js';

const byId = { type: 'object', properties: { id: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } } };
const change = {
  params: byId,
  body: {
    type: 'object',
    required: ['requestQuota'],
    additionalProperties: false,
    properties: { requestQuota: { type: ['integer', 'null'], minimum: 0, maximum: 1000 } },
  },
};
const COLUMNS = `people.id::float8 AS id, name, email, role, request_quota AS "requestQuota", first_seen AS "firstSeen", last_seen AS "lastSeen"`;
const MOST_DELIVERIES = 100;

/**
 * Who I am, and for administrators: who has been here, and what could not be delivered.
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function peopleRoutes(app, { config, database, people, requests, overseerr }) {
  const { signOn } = config;

  app.get('/api/me', { config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    reply.header('cache-control', 'no-store');
    const { person, rights, trace } = req;
    if (!signOn)
      return { signOn: false, name: null, email: null, role: null, mfa: false, rights, quota: null, search: false, signOutUrl: null };
    const { name, email, role, mfa } = person;
    const id = await people.idOf(person, trace);
    const limited = rights.includes('request') && !rights.includes('decide');
    const quota = limited ? await requests.quota(id, signOn.requestQuota, trace) : null;
    return { signOn: true, name, email, role, mfa, rights, quota, search: overseerr !== undefined, signOutUrl: signOn.signOutUrl ?? null };
  });

  app.get('/api/people', { schema: { querystring: paging }, config: { needs: 'administer' } }, async (/** @type {any} */ req, reply) => {
    const { limit, before } = req.query;
    const rows = await database.read(
      `SELECT ${COLUMNS}, (SELECT count(*)::int FROM requests WHERE owner = people.id) AS requests,
         (SELECT count(*)::int FROM requests WHERE owner = people.id AND created_at > now() - interval '7 days') AS "requestsInQuota"
       FROM people WHERE id < $1 ORDER BY people.id DESC LIMIT $2`,
      [before, limit + 1],
      { fresh: wroteJustNow(req), trace: req.trace },
    );
    reply.header('cache-control', 'no-store');
    return { ...page(rows, limit, (row) => row.id), usualQuota: signOn?.requestQuota };
  });

  app.patch('/api/people/:id', { schema: change, config: { needs: 'administer' } }, async (/** @type {any} */ req, reply) => {
    const [changed] = await database.write(
      `UPDATE people SET request_quota = $2 WHERE id = $1 RETURNING ${COLUMNS}`,
      [req.params.id, req.body.requestQuota],
      { repeatable: true, trace: req.trace },
    );
    if (!changed) throw new HttpError(404, 'not-found', 'There is no such person.');
    markWrite(req, reply);
    return changed;
  });

  app.get('/api/deliveries', { config: { needs: 'administer' } }, async (/** @type {any} */ req, reply) => {
    reply.header('cache-control', 'no-store');
    const items = await database.read(
      `SELECT tasks.id::float8 AS id, lane, event, attempts, message, failed_at IS NOT NULL AS failed, due_at AS "dueAt",
         requests.id::float8 AS request, title
       FROM tasks JOIN requests ON requests.id = tasks.request ORDER BY failed_at NULLS LAST, tasks.id DESC LIMIT $1`,
      [MOST_DELIVERIES],
      { fresh: true, trace: req.trace },
    );
    return { items };
  });
}

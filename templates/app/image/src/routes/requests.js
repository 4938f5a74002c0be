// @ts-check
import { HttpError } from '../errors.js';
import { page, paging } from '../paging.js';
import { markWrite, wroteJustNow } from '../read-your-writes.js';

const COLUMNS = `id::float8 AS id, title, kind, note, status, requested_by AS "requestedBy",
  created_at AS "createdAt", updated_at AS "updatedAt"`;
const STATUSES = ['requested', 'approved', 'available', 'declined'];

const creation = {
  body: {
    type: 'object',
    required: ['title', 'kind'],
    additionalProperties: false,
    properties: {
      title: { type: 'string', maxLength: 200, pattern: '\\S' },
      kind: { type: 'string', enum: ['movie', 'series', 'music', 'other'] },
      note: { type: ['string', 'null'], maxLength: 1000 },
    },
  },
};
const byId = { type: 'object', properties: { id: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } } };
const change = {
  params: byId,
  body: {
    type: 'object',
    required: ['status'],
    additionalProperties: false,
    properties: { status: { type: 'string', enum: STATUSES } },
  },
};

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function requestRoutes(app, { database, sessions, metrics }) {
  // So that a rate can be told from the first event on.
  for (const status of STATUSES) metrics.requests.inc({ status }, 0);

  app.get('/api/requests', { schema: { querystring: paging } }, async (/** @type {any} */ req, reply) => {
    const { limit, before } = req.query;
    const rows = await database.read(
      `SELECT ${COLUMNS} FROM requests WHERE id < $1 ORDER BY requests.id DESC LIMIT $2`,
      [before, limit + 1],
      { fresh: wroteJustNow(req), trace: req.trace },
    );
    reply.header('cache-control', 'no-store');
    return page(rows, limit, (row) => row.id);
  });

  app.post('/api/requests', { schema: creation }, async (/** @type {any} */ req, reply) => {
    const key = idempotencyKey(req);
    const { name } = await sessions.read(req);
    const { title, kind, note } = req.body;
    const [created] = await database.write(
      `INSERT INTO requests (title, kind, note, requested_by, idempotency_key) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (idempotency_key) DO NOTHING RETURNING ${COLUMNS}`,
      [title.trim(), kind, note?.trim() || null, name, key],
      { repeatable: key !== null, trace: req.trace },
    );
    markWrite(req, reply);
    reply.code(201);
    if (created) {
      metrics.requests.inc({ status: created.status });
      return created;
    }
    reply.header('idempotency-replayed', 'true');
    const [first] = await database.read(`SELECT ${COLUMNS} FROM requests WHERE idempotency_key = $1`, [key], {
      fresh: true,
      trace: req.trace,
    });
    if (!first) throw new HttpError(409, 'gone', 'The request made with this key was deleted.');
    return first;
  });

  app.patch('/api/requests/:id', { schema: change }, async (/** @type {any} */ req, reply) => {
    const [changed] = await database.write(
      `UPDATE requests SET status = $2, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`,
      [req.params.id, req.body.status],
      { repeatable: true, trace: req.trace },
    );
    if (!changed) throw notFound();
    markWrite(req, reply);
    metrics.requests.inc({ status: changed.status });
    return changed;
  });

  app.delete('/api/requests/:id', { schema: { params: byId } }, async (/** @type {any} */ req, reply) => {
    const [deleted] = await database.write('DELETE FROM requests WHERE id = $1 RETURNING id', [req.params.id], { trace: req.trace });
    if (!deleted) throw notFound();
    markWrite(req, reply);
    return reply.code(204).send();
  });
}

const notFound = () => new HttpError(404, 'not-found', 'There is no such request.');

/** @param {import('fastify').FastifyRequest} req */
function idempotencyKey(req) {
  const key = req.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(key)) {
    throw new HttpError(400, 'invalid', 'Idempotency-Key must be 1 to 128 printable characters without spaces');
  }
  return key;
}

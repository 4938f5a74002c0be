// @ts-check
import { HttpError } from '../errors.js';
import { page, paging } from '../paging.js';
import { markWrite, wroteJustNow } from '../read-your-writes.js';
import { STATUSES } from '../requests/store.js';
import { lanesAfter } from '../tasks/lanes.js';

const listing = {
  querystring: { ...paging, properties: { ...paging.properties, status: { type: 'string', enum: STATUSES } } },
};
const creation = {
  body: {
    type: 'object',
    required: ['title', 'kind'],
    additionalProperties: false,
    properties: {
      title: { type: 'string', maxLength: 200, pattern: '\\S' },
      kind: { type: 'string', enum: ['movie', 'series', 'music', 'other'] },
      note: { type: ['string', 'null'], maxLength: 1000 },
      tmdbId: { type: ['integer', 'null'], minimum: 1, maximum: 2 ** 31 },
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
export function requestRoutes(app, { config, sessions, metrics, people, requests, overseerr, worker, lanes }) {
  // So that a rate can be told from the first event on.
  for (const status of STATUSES) metrics.requests.inc({ status }, 0);

  app.get('/api/requests', { schema: listing, config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    const { limit, before, status } = req.query;
    const me = await idOf(req);
    const all = req.rights.includes('decide');
    // A member sees their own; a guest, who has none, what has arrived.
    const seen = all ? { status } : req.rights.includes('request') ? { status, owner: me } : { status: /** @type {const} */ ('available') };
    const rows = await requests.list({ before, limit: limit + 1, ...seen }, { fresh: wroteJustNow(req), trace: req.trace });
    reply.header('cache-control', 'no-store');
    const { items, nextBefore } = page(rows, limit, (row) => row.id);
    return { items: items.map((row) => shown(row, all, me)), nextBefore };
  });

  app.post('/api/requests', { schema: creation, config: { needs: 'request' } }, async (/** @type {any} */ req, reply) => {
    const key = idempotencyKey(req);
    const { kind, note, tmdbId = null } = req.body;
    const written = { title: req.body.title.trim().replace(/\s+/g, ' '), kind, note: note?.trim() || null, key };
    const me = await idOf(req);
    const { outcome, request } =
      me === undefined
        ? await requests.createOpen({ ...written, name: (await sessions.read(req)).name }, req.trace)
        : await requests.create({ ...written, ...(await titleOf(req, kind, tmdbId)), ...(await asker(req, me)) }, req.trace);
    refuse(outcome, request, me);
    markWrite(req, reply);
    reply.code(201);
    if (outcome === 'replayed') reply.header('idempotency-replayed', 'true');
    else metrics.requests.inc({ status: request.status });
    return shown(request, req.rights.includes('decide'), me);
  });

  app.patch('/api/requests/:id', { schema: change, config: { needs: 'decide' } }, async (/** @type {any} */ req, reply) => {
    const { id } = req.params;
    const { status } = req.body;
    const left = config.signOn ? lanesAfter(status, lanes) : [];
    const how = { by: req.person?.name, lanes: left, anyBefore: !config.signOn };
    const changed = await requests.change(id, status, how, req.trace);
    const now = changed ?? (await requests.get(id, req.trace));
    if (!now) throw notFound();
    if (now.status !== status) throw new HttpError(409, 'state', `“${now.title}” is ${now.status}: it cannot become ${status}.`);
    markWrite(req, reply);
    if (changed) metrics.requests.inc({ status });
    worker?.begin(left);
    return shown(now, true, await idOf(req));
  });

  app.post('/api/requests/:id/retry', { schema: { params: byId }, config: { needs: 'decide' } }, async (/** @type {any} */ req, reply) => {
    const again = await requests.retry(req.params.id, req.trace);
    if (again.length === 0) throw new HttpError(404, 'not-found', 'Nothing of this request was given up.');
    markWrite(req, reply);
    worker?.begin(again);
    return { lanes: again };
  });

  app.delete('/api/requests/:id', { schema: { params: byId }, config: { needs: 'request' } }, async (/** @type {any} */ req, reply) => {
    const own = req.rights.includes('decide') ? undefined : await idOf(req);
    if (!(await requests.remove(req.params.id, own, req.trace))) {
      const found = own !== undefined && (await requests.get(req.params.id, req.trace));
      // Of another person's, not even that it is there.
      if (!found || found.owner !== own) throw notFound();
      throw new HttpError(409, 'state', `“${found.title}” is ${found.status} already. Ask an operator.`);
    }
    markWrite(req, reply);
    return reply.code(204).send();
  });

  /** @param {any} req @returns {Promise<number | undefined>} undefined without sign-on */
  const idOf = async (req) => (req.person ? people.idOf(req.person, req.trace) : undefined);

  /** Who asks, and how often they may. Who decides has no quota. @param {any} req @param {number} owner */
  async function asker(req, owner) {
    const usual = /** @type {NonNullable<typeof config.signOn>} */ (config.signOn).requestQuota;
    const quota = req.rights.includes('decide') ? null : (await requests.quota(owner, usual, req.trace)).limit;
    return { owner, name: req.person.name, quota };
  }

  /**
   * What Overseerr says of a title: an operator must see the title that will be forwarded, whatever its sender calls it.
   * @param {any} req @param {string} kind @param {number | null} tmdbId
   */
  async function titleOf(req, kind, tmdbId) {
    if (tmdbId === null) return { tmdbId, year: null, poster: null };
    if (!overseerr || (kind !== 'movie' && kind !== 'series')) {
      throw new HttpError(400, 'invalid', 'tmdbId is for films and series, where Overseerr is set up');
    }
    const found = await overseerr.title(kind, tmdbId, req.trace);
    if (!found) throw new HttpError(404, 'not-found', 'Overseerr does not know this title.');
    const { title, year, poster, availability } = found;
    if (availability === 'available') throw duplicate(`“${title}” is available already.`, found.watchUrl);
    if (availability === 'requested') throw duplicate(`“${title}” was requested in Overseerr already.`);
    return { title, year, poster, tmdbId };
  }
}

/** @param {string} outcome @param {any} request @param {number | undefined} me */
function refuse(outcome, request, me) {
  if (outcome === 'key') throw new HttpError(409, 'key', 'This Idempotency-Key belongs to another request.');
  if (outcome === 'quota') throw new HttpError(429, 'quota', 'You have made as many requests in 7 days as you may. Try again later.');
  if (!request) throw new HttpError(409, 'gone', 'The request made with this key was deleted.');
  if (outcome !== 'duplicate') return;
  const { title, status, owner, watchUrl } = request;
  const by = owner !== null && owner === me ? 'You have' : 'Another person has';
  throw status === 'available'
    ? duplicate(`“${title}” is available already.`, watchUrl)
    : duplicate(`${by} already requested “${title}”${status === 'approved' ? ', and it was approved' : ''}.`);
}

/** @param {string} message @param {string | null} [watchUrl] */
const duplicate = (message, watchUrl = null) => Object.assign(new HttpError(409, 'duplicate', message), { more: { watchUrl } });

/** What one may see of a request. @param {any} row @param {boolean} all @param {number | undefined} me */
function shown({ owner, forwardState, forwardMessage, ...row }, all, me) {
  const mine = owner !== null && owner === me;
  const known = all || mine ? {} : { note: null, requestedBy: null };
  return { ...row, ...known, mine, forward: all && forwardState ? { state: forwardState, message: forwardMessage } : null };
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

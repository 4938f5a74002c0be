// @ts-check
import { randomUUID } from 'node:crypto';
import { clientOf } from '../client.js';
import { HttpError } from '../errors.js';
import { attachment, cleanFileName } from '../file-names.js';
import { page, paging } from '../paging.js';
import { markWrite, wroteJustNow } from '../read-your-writes.js';

const COLUMNS = `id, seq::float8 AS seq, name, size::float8 AS size, sha256, mime,
  uploaded_by AS "uploadedBy", owner::float8 AS owner, created_at AS "createdAt"`;
/** In one statement: room that is given twice, or to no file, would be counted wrongly. */
const STORE = `WITH given AS (DELETE FROM upload_reservations WHERE id = $1 RETURNING day, client, bytes),
  counted AS (INSERT INTO upload_days (day, client, bytes) SELECT day, client, bytes FROM given
    ON CONFLICT (day, client) DO UPDATE SET bytes = upload_days.bytes + excluded.bytes)
  INSERT INTO uploads (id, name, size, sha256, mime, uploaded_by, owner) VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING ${COLUMNS}`;
const byId = { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } };
const STALLED_MS = 60_000;

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {import('../app.js').Parts} parts
 */
export function uploadRoutes(app, { config, database, sessions, people, store, quota, metrics }) {
  const { limit: maxBytes } = config.uploads;

  app.get('/api/uploads', { schema: { querystring: paging }, config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    const { limit, before } = req.query;
    const rows = await database.read(
      `SELECT ${COLUMNS} FROM uploads WHERE uploads.seq < $1 ORDER BY uploads.seq DESC LIMIT $2`,
      [before, limit + 1],
      { fresh: wroteJustNow(req), trace: req.trace },
    );
    reply.header('cache-control', 'no-store');
    const me = await idOf(req);
    const { items, nextBefore } = page(rows, limit, (row) => row.seq);
    return { items: items.map((row) => shown(row, me)), nextBefore };
  });

  app.post('/api/uploads', { config: { needs: 'request' } }, async (/** @type {any} */ req, reply) => {
    const { trace } = req;
    if (!req.isMultipart()) throw new HttpError(415, 'invalid', 'Send the file as multipart/form-data.');
    req.raw.setTimeout(STALLED_MS, () => req.raw.destroy());
    const limits = { fileSize: maxBytes, files: 1, fields: 5, fieldSize: 1000 };
    const part = await req.file({ limits, throwFileSizeLimit: false }).catch((error) => {
      throw error.statusCode ? error : brokenForm(error);
    });
    if (!part) throw new HttpError(400, 'invalid', 'There is no file in this upload.');
    // The form may break off while session and quota are looked up: an error without a listener would be lost.
    /** @type {{ error?: unknown }} */
    const form = {};
    part.file.once('error', (error) => {
      form.error = error;
    });
    const { name: uploadedBy } = req.person ?? (await sessions.read(req));
    const id = randomUUID();
    const client = clientOf(req.ip);
    // The length of the form, which is a little longer than its file. A request without one reserves the largest size.
    const announced = Math.min(Number(req.headers['content-length'] ?? maxBytes), maxBytes);
    try {
      const owner = await idOf(req);
      await quota.reserve(id, client, announced, trace);
      const { size, sha256 } = await receive(id, part.file, announced, form);
      const created = await keep(part, { id, client, size, sha256, uploadedBy, owner }, trace);
      markWrite(req, reply);
      metrics.uploadBytes.inc(size);
      return reply.code(201).send(shown(created, owner));
    } catch (error) {
      // What is still to come of a refused file is read and dropped, so that its sender hears why.
      part.file.resume();
      await quota.free(id, trace);
      throw error;
    }
  });

  app.get('/api/uploads/:id', { schema: { params: byId }, config: { needs: 'look' } }, async (/** @type {any} */ req, reply) => {
    const [found] = await database.read(`SELECT ${COLUMNS} FROM uploads WHERE id = $1`, [req.params.id], {
      fresh: true,
      trace: req.trace,
    });
    if (!found) throw notFound();
    reply.header('content-disposition', attachment(found.name));
    // The plain type is sent on purpose (not the claimed one): a script uploaded as text/javascript would
    // be run by a page of this very origin. Without an extension that is what sendFile says.
    return reply.sendFile(found.id, store.folder, { cacheControl: false, dotfiles: 'deny' });
  });

  app.delete('/api/uploads/:id', { schema: { params: byId }, config: { needs: 'request' } }, async (/** @type {any} */ req, reply) => {
    // A member's own; what was there before sign-on belongs to operators.
    const own = req.rights.includes('decide') ? null : await idOf(req);
    const [deleted] = await database.write(
      'DELETE FROM uploads WHERE id = $1 AND ($2::bigint IS NULL OR owner = $2) RETURNING id',
      [req.params.id, own],
      { trace: req.trace },
    );
    if (!deleted) throw notFound();
    await store.remove(deleted.id);
    markWrite(req, reply);
    return reply.code(204).send();
  });

  /** @param {any} req @returns {Promise<number | null>} null without sign-on */
  const idOf = async (req) => (req.person ? people.idOf(req.person, req.trace) : null);

  /**
   * Notes a file that is stored, and gives it the room that was kept for it.
   * @param {import('@fastify/multipart').MultipartFile} part
   * @param {{ id: string, client: string, size: number, sha256: string, uploadedBy: string | null, owner: number | null }} file
   * @param {import('../tracing/trace.js').Trace | null | undefined} trace
   */
  async function keep(part, { id, client, size, sha256, uploadedBy, owner }, trace) {
    const mime = /^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(part.mimetype) ? part.mimetype : 'application/octet-stream';
    try {
      await quota.reserve(id, client, size, trace);
      const [created] = await database.write(STORE, [id, cleanFileName(part.filename), size, sha256, mime, uploadedBy, owner], {
        repeatable: true,
        trace,
      });
      quota.kept(id);
      return created;
    } catch (error) {
      await store.remove(id);
      throw error;
    }
  }

  /**
   * @param {string} id @param {import('@fastify/multipart').MultipartFile['file']} file @param {number} announced
   * @param {{ error?: unknown }} form what was wrong with it, as soon as that is known
   */
  async function receive(id, file, announced, form) {
    /** @type {Awaited<ReturnType<typeof store.receive>>} */
    let stored;
    try {
      await store.keepReserve(announced);
      if (form.error) throw form.error;
      stored = await store.receive(id, file);
    } catch (/** @type {any} */ error) {
      if (error.code === 'ENOSPC' || error.code === 'EDQUOT') throw new HttpError(507, 'full', 'There is no space left for this file.');
      if (error.code === 'ENOENT' || error.code === 'EACCES' || error.code === 'EROFS') {
        throw new HttpError(503, 'unavailable', 'Uploads cannot be stored right now.');
      }
      throw error === form.error ? brokenForm(error) : error;
    }
    if (!file.truncated) return stored;
    await store.remove(stored.id);
    throw new HttpError(413, 'too-large', `The file is larger than the limit of ${readable(maxBytes)}.`);
  }
}

/** @param {any} row @param {number | null} me */
const shown = ({ owner, ...row }, me) => ({ ...row, mine: owner !== null && owner === me });

/** The parser's errors carry no status. @param {unknown} cause */
const brokenForm = (cause) =>
  Object.assign(new HttpError(400, 'invalid', 'This form cannot be read: it is damaged, or ends too early.'), { cause });

const notFound = () => new HttpError(404, 'not-found', 'There is no such file.');

/** @param {number} bytes */
function readable(bytes) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}

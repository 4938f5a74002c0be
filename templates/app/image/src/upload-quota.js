// @ts-check
import { HttpError } from './errors.js';

/** @typedef {ReturnType<typeof createUploadQuota>} UploadQuota */
/** @typedef {import('./tracing/trace.js').Trace | null | undefined} MaybeTrace */

// A killed replica's uploads keep their room for this long.
const LEASE_S = 90;
const RENEW_MS = 30_000;

/**
 * Room for uploads, in the database: all replicas count the same, and a restart forgets nothing.
 * @param {import('./config.js').Config['uploads']} limits
 * @param {Pick<import('./database.js').Database, 'write'>} database
 * @param {import('./logging.js').Logger} log
 */
export function createUploadQuota({ quota, clientQuota }, database, log) {
  /** @type {Set<string>} */
  const open = new Set();
  const timer = setInterval(renew, RENEW_MS);
  timer.unref();

  async function renew() {
    if (open.size === 0) return;
    const renewal = 'UPDATE upload_reservations SET expires_at = clock_timestamp() + make_interval(secs => $2) WHERE id = ANY($1::uuid[])';
    await database
      .write(renewal, [[...open], LEASE_S], { repeatable: true })
      // Whose time is up meanwhile is counted again when it ends.
      .catch((error) => log.warn({ err: error }, 'the room of uploads could not be renewed'));
  }

  /**
   * Also when an upload is complete, with what it really takes.
   * @param {string} id @param {string} client @param {number} bytes @param {MaybeTrace} [trace] of the request
   * @throws HttpError 507 (all uploads), 429 (this client's today)
   */
  async function reserve(id, client, bytes, trace) {
    const values = [id, client, Math.ceil(bytes), quota, clientQuota, LEASE_S];
    const [row] = await database.write('SELECT reserve_upload($1, $2, $3, $4, $5, $6) AS answer', values, { repeatable: true, trace });
    if (row.answer === 'full')
      throw new HttpError(507, 'full', 'There is no room left for uploads. Delete a file, or ask the operator of this portal.');
    if (row.answer === 'client')
      throw new HttpError(429, 'quota', 'You have uploaded as much as one address may on a day. Please try again tomorrow.');
    open.add(id);
  }

  /** The upload has come to nothing. @param {string} id @param {MaybeTrace} [trace] */
  async function free(id, trace) {
    // Where the database is away, the room ends by itself.
    if (!open.delete(id)) return;
    await database.write('DELETE FROM upload_reservations WHERE id = $1', [id], { repeatable: true, trace }).catch(() => {});
  }

  /** Its room is given to the stored file, by the same statement that notes the file. @param {string} id */
  const kept = (id) => void open.delete(id);

  return { reserve, free, kept };
}

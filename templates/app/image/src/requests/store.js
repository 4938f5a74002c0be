// @ts-check

/** @typedef {ReturnType<typeof createRequestStore>} RequestStore */
/** @typedef {import('../tracing/trace.js').Trace | null | undefined} MaybeTrace */
/** @typedef {'requested' | 'approved' | 'available' | 'declined'} Status */
/** @typedef {{id: number, title: string, kind: string, note: string | null, status: Status, requestedBy: string | null, owner: number | null}} Row */

export const STATUSES = /** @type {const} */ (['requested', 'approved', 'available', 'declined']);

/** From which statuses each one is reached, where roles count. @type {Record<Status, Status[]>} */
const BEFORE = { requested: ['declined'], approved: ['requested'], declined: ['requested'], available: ['approved'] };

/** The lane of Overseerr; the others are channels (`notify/channels.js`). */
export const FORWARD = 'forward';

const COLUMNS = `requests.id::float8 AS id, title, kind, note, status, requested_by AS "requestedBy", owner::float8 AS owner,
  tmdb_id::float8 AS "tmdbId", year, poster, watch_url AS "watchUrl", forward_state AS "forwardState",
  forward_message AS "forwardMessage", created_at AS "createdAt", updated_at AS "updatedAt"`;

/** The change, and what follows from it, in one statement: a portal that is killed has done both or none. */
const CHANGE = `WITH changed AS (
    UPDATE requests SET status = $2, decided_by = coalesce($3, decided_by), watch_url = coalesce($4, watch_url), updated_at = now(),
      forward_state = CASE WHEN '${FORWARD}' = ANY($6) AND tmdb_id IS NOT NULL THEN 'queued' ELSE forward_state END,
      forward_message = CASE WHEN '${FORWARD}' = ANY($6) THEN NULL ELSE forward_message END
    WHERE id = $1 AND status = ANY($5) RETURNING *
  ), told AS (
    INSERT INTO tasks (lane, request, event) SELECT lane, changed.id, $2 FROM changed, unnest($6::text[]) AS lanes (lane)
    WHERE (lane <> '${FORWARD}' OR tmdb_id IS NOT NULL) AND (lane <> 'mail' OR owner IS NOT NULL)
    ON CONFLICT (lane, request, event) DO UPDATE SET attempts = 0, due_at = now(), failed_at = NULL, message = NULL
  ) SELECT ${COLUMNS} FROM changed AS requests`;

/** @param {import('../database.js').Database} database */
export function createRequestStore(database) {
  /**
   * @param {{before: number, limit: number, owner?: number | undefined, status?: Status | undefined}} wanted `owner`: that person's alone
   * @param {{fresh: boolean, trace: MaybeTrace}} options
   * @returns {Promise<any[]>}
   */
  function list({ before, limit, owner, status }, options) {
    const values = [before, limit, ...(owner === undefined ? [] : [owner]), ...(status === undefined ? [] : [status])];
    const ofOwner = owner === undefined ? '' : ' AND owner = $3';
    const ofStatus = status === undefined ? '' : ` AND status = $${values.length}`;
    const text = `SELECT ${COLUMNS} FROM requests WHERE id < $1${ofOwner}${ofStatus} ORDER BY requests.id DESC LIMIT $2`;
    return database.read(text, values, options);
  }

  /** @param {number} id @param {MaybeTrace} trace @returns {Promise<any>} undefined where there is none */
  async function get(id, trace) {
    const [found] = await database.read(`SELECT ${COLUMNS} FROM requests WHERE id = $1`, [id], { fresh: true, trace });
    return found;
  }

  /**
   * Notes a request where sign-on is off, and everyone may make any.
   * @param {{title: string, kind: string, note: string | null, name: string | null, key: string | null}} request
   * @param {MaybeTrace} trace
   * @returns {Promise<{outcome: 'created' | 'replayed', request: any}>} no request where the one of this key was deleted
   */
  async function createOpen({ title, kind, note, name, key }, trace) {
    const [created] = await database.write(
      `INSERT INTO requests (title, kind, note, requested_by, idempotency_key) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (idempotency_key) DO NOTHING RETURNING ${COLUMNS}`,
      [title, kind, note, name, key],
      { repeatable: key !== null, trace },
    );
    if (created) return { outcome: 'created', request: created };
    const [first] = await database.read(`SELECT ${COLUMNS} FROM requests WHERE idempotency_key = $1`, [key], { fresh: true, trace });
    return { outcome: 'replayed', request: first };
  }

  /**
   * Notes a person's request, unless there is one of the same, or the person has made as many as they may.
   * @param {{title: string, kind: string, note: string | null, name: string, key: string | null, owner: number, quota: number | null, tmdbId: number | null, year: number | null, poster: string | null}} request
   * @param {MaybeTrace} trace
   * @returns {Promise<{outcome: 'created' | 'replayed' | 'key' | 'duplicate' | 'quota', request: any}>}
   */
  async function create({ title, kind, note, name, key, owner, quota, tmdbId, year, poster }, trace) {
    const [{ outcome, about }] = await database.write(
      'SELECT outcome, about::float8 AS about FROM request_media($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
      [owner, name, title, kind, note, key, quota, tmdbId, year, poster],
      { repeatable: key !== null, trace },
    );
    return { outcome, request: about === null ? undefined : await get(about, trace) };
  }

  /**
   * @param {number} id @param {Status} status
   * @param {{by?: string | null, watchUrl?: string | null, lanes?: readonly string[], anyBefore?: boolean}} how `anyBefore`: from every status
   * @param {MaybeTrace} [trace]
   * @returns {Promise<any>} undefined where there is none that can come to this status
   */
  async function change(id, status, { by = null, watchUrl = null, lanes = [], anyBefore = false }, trace) {
    const before = anyBefore ? STATUSES : BEFORE[status];
    const [changed] = await database.write(CHANGE, [id, status, by, watchUrl, before, lanes], { repeatable: true, trace });
    return changed;
  }

  /**
   * @param {number} id @param {number | undefined} owner that person's alone, and only while nothing is decided
   * @param {MaybeTrace} trace
   * @returns {Promise<boolean>} whether it was there
   */
  async function remove(id, owner, trace) {
    const own = owner === undefined ? '' : " AND owner = $2 AND status = 'requested'";
    const values = owner === undefined ? [id] : [id, owner];
    return (await database.write(`DELETE FROM requests WHERE id = $1${own} RETURNING id`, values, { trace })).length > 0;
  }

  /** Tries again what of a request was given up. @param {number} id @param {MaybeTrace} trace @returns {Promise<string[]>} its lanes */
  async function retry(id, trace) {
    const rows = await database.write(
      `WITH again AS (UPDATE tasks SET attempts = 0, due_at = now(), failed_at = NULL WHERE request = $1 AND failed_at IS NOT NULL RETURNING lane),
         told AS (UPDATE requests SET forward_state = 'queued' WHERE id = $1 AND EXISTS (SELECT FROM again WHERE lane = '${FORWARD}'))
       SELECT lane FROM again`,
      [id],
      { trace },
    );
    return rows.map(({ lane }) => lane);
  }

  /** How many requests a person has made in 7 days, and how many they may. @param {number} owner @param {number} usual @param {MaybeTrace} trace */
  async function quota(owner, usual, trace) {
    const [{ most, used }] = await database.read(
      `SELECT coalesce(request_quota, $2)::int AS most, (SELECT count(*)::int FROM requests
         WHERE owner = people.id AND created_at > now() - interval '7 days') AS used FROM people WHERE id = $1`,
      [owner, usual],
      { fresh: true, trace },
    );
    return { limit: /** @type {number} */ (most), used: /** @type {number} */ (used), days: 7 };
  }

  return { list, get, createOpen, create, change, remove, retry, quota };
}

// @ts-check
import { FORWARD } from '../requests/store.js';
import { shared, within } from '../timing.js';

/** @typedef {ReturnType<typeof createWorker>} Worker */
/** @typedef {{event: import('../notify/notify.js').Event, told: import('../notify/notify.js').Told}} Task */
/**
 * Where tasks of one kind go. `most`: how often one is tried. What `run` throws is told to people; with `lasting`, it is not tried again.
 * @typedef {{most: number, run: (task: Task) => Promise<void>}} Lane
 */

const LONGEST_WAIT_SECONDS = 600;
const LAST_MS = 9000;
/** Longer than any try takes. */
const LEASE_SECONDS = 60;
const DUE = 'failed_at IS NULL AND due_at <= now()';

const TAKE = `WITH taken AS (
    UPDATE tasks SET attempts = attempts + 1, due_at = now() + make_interval(secs => ${LEASE_SECONDS})
    WHERE id = (SELECT id FROM tasks WHERE lane = $1 AND ${DUE} ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, request, event, attempts
  ) SELECT taken.id, event, attempts, requests.id::float8 AS request, title, year, kind, tmdb_id::float8 AS "tmdbId", status,
      requested_by AS "requestedBy", email, watch_url AS "watchUrl"
    FROM taken JOIN requests ON requests.id = taken.request LEFT JOIN people ON people.id = requests.owner`;
// By the number of tries too: one that was asked for again meanwhile is still to be done.
const DONE = `WITH done AS (DELETE FROM tasks WHERE id = $1 AND attempts = $2 RETURNING lane, request)
  UPDATE requests SET forward_state = 'sent', forward_message = NULL FROM done WHERE requests.id = done.request AND done.lane = '${FORWARD}'`;
const FAILED = `WITH failed AS (
    UPDATE tasks SET message = $3, due_at = now() + make_interval(secs => $4), failed_at = CASE WHEN $5 THEN now() END
    WHERE id = $1 AND attempts = $2 RETURNING lane, request
  ) UPDATE requests SET forward_state = CASE WHEN $5 THEN 'failed' ELSE 'queued' END, forward_message = $3
    FROM failed WHERE requests.id = failed.request AND failed.lane = '${FORWARD}'`;
// Another replica may know a channel that this one does not know yet.
const ORPHANED = `UPDATE tasks SET failed_at = now(), message = 'nothing of this name is set any more'
  WHERE failed_at IS NULL AND NOT lane = ANY($1) AND created_at < now() - interval '1 hour'`;

/**
 * Does what changes have left to do (`tasks`), each lane for itself: one that hangs delays no other, and no request of a visitor. What
 * fails is tried again after a growing time, and given up, for people to see, after `most` tries.
 * @param {{database: import('../database.js').Database, log: import('../logging.js').Logger, metrics: import('../metrics.js').Metrics, lanes: Record<string, Lane>, checkMs: number}} parts
 */
export function createWorker({ database, log, metrics, lanes, checkMs }) {
  let closed = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Record<string, () => Promise<void>>} */
  const works = Object.fromEntries(Object.entries(lanes).map(([name, lane]) => [name, shared(() => work(name, lane))]));
  /** @type {Set<Promise<void>>} */
  const underWay = new Set();

  /** Begins with the tasks of these lanes, as far as they are due; all else goes on meanwhile. @param {readonly string[]} names */
  function begin(names) {
    for (const name of names) {
      const run = works[name]?.();
      if (!run || underWay.has(run)) continue;
      underWay.add(run);
      void run.finally(() => underWay.delete(run));
    }
  }

  const look = shared(async () => {
    try {
      const due = (await database.write(`SELECT DISTINCT lane FROM tasks WHERE ${DUE}`, [], { repeatable: true })).map(({ lane }) => lane);
      if (due.some((lane) => !works[lane])) await database.write(ORPHANED, [Object.keys(lanes)], { repeatable: true });
      begin(due);
    } catch (error) {
      log.debug({ err: error }, 'tasks cannot be read; trying again');
    }
  });

  /** @param {string} name @param {Lane} lane */
  async function work(name, lane) {
    try {
      while (!closed) {
        const [taken] = await database.write(TAKE, [name]);
        if (!taken) return;
        await attempt(name, lane, taken);
      }
    } catch (error) {
      log.warn({ err: error, lane: name }, 'tasks wait for the database');
    }
  }

  /** @param {string} name @param {Lane} lane @param {any} taken */
  async function attempt(name, { most, run }, { id, event, attempts, request, ...about }) {
    const error = await run({ event, told: { id: request, ...about } }).then(
      () => undefined,
      (/** @type {any} */ reason) => reason,
    );
    // Not within what is tried again: what was delivered is not delivered again because the database is away.
    if (error === undefined) {
      await database.write(DONE, [id, attempts], { repeatable: true });
      metrics.deliveries.inc({ lane: name, outcome: 'done' });
      return log.info({ lane: name, event, request, attempts }, 'delivered');
    }
    const last = error.lasting === true || attempts >= most;
    const wait = Math.min((checkMs / 1000) * 2 ** (attempts - 1), LONGEST_WAIT_SECONDS);
    const message = String(error.message).slice(0, 300);
    await database.write(FAILED, [id, attempts, message, wait, last], { repeatable: true });
    metrics.deliveries.inc({ lane: name, outcome: last ? 'failed' : 'retried' });
    log[last ? 'error' : 'warn']({ lane: name, event, request, attempts }, `not delivered${last ? '' : ', trying again'}: ${message}`);
  }

  function start() {
    for (const lane of Object.keys(lanes))
      for (const outcome of ['done', 'retried', 'failed']) metrics.deliveries.inc({ lane, outcome }, 0);
    timer = setInterval(() => void look(), checkMs).unref();
  }

  /** What is under way may end; what does not is done by another replica, or by the next process. */
  async function close() {
    closed = true;
    clearInterval(timer);
    await within(LAST_MS, Promise.all(underWay)).catch(() => {});
  }

  return { start, begin, close };
}

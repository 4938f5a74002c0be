// @ts-check
import { shared } from '../timing.js';
import { lanesAfter } from './lanes.js';

const ROUNDS = 4;
const AT_ONCE = 20;

const TAKE = `UPDATE requests SET looked_up_at = now() WHERE id IN (
    SELECT id FROM requests WHERE status = 'approved' AND tmdb_id IS NOT NULL
      AND (looked_up_at IS NULL OR looked_up_at < now() - make_interval(secs => $1))
    ORDER BY looked_up_at NULLS FIRST LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED)
  RETURNING id::float8 AS id, kind, tmdb_id::float8 AS "tmdbId"`;

/**
 * Asks Overseerr whether approved titles have arrived, the one first that was asked for longest ago. Replicas share the work by what is
 * noted in the database.
 * @param {{database: import('../database.js').Database, log: import('../logging.js').Logger, overseerr: import('../media/overseerr.js').Overseerr, requests: import('../requests/store.js').RequestStore, worker: import('./worker.js').Worker, lanes: Record<string, unknown>, metrics: import('../metrics.js').Metrics, checkMs: number}} parts
 */
export function createArrivals({ database, log, overseerr, requests, worker, lanes, metrics, checkMs }) {
  const everyMs = ROUNDS * checkMs;
  const told = lanesAfter('available', lanes);
  let away = false;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  /** @param {any} taken */
  async function lookUp({ id, kind, tmdbId }) {
    const title = await overseerr.title(kind, tmdbId);
    if (title?.availability !== 'available') return;
    const changed = await requests.change(id, 'available', { watchUrl: title.watchUrl, lanes: told });
    if (!changed) return;
    metrics.requests.inc({ status: 'available' });
    worker.begin(told);
  }

  const look = shared(async () => {
    try {
      /** @type {any} */
      let failed;
      for (const taken of await database.write(TAKE, [everyMs / 1000])) {
        await lookUp(taken).catch((error) => {
          // A title that it cannot tell of, such as one that TMDB has removed, keeps no other one waiting.
          if (!error.answered) throw error;
          failed ??= error;
        });
      }
      if (failed) throw failed;
      away = false;
    } catch (error) {
      if (!away) log.warn({ err: error }, 'arrivals cannot be looked up; trying again');
      away = true;
    }
  });

  return {
    start() {
      timer = setInterval(() => void look(), everyMs).unref();
    },
    close() {
      clearInterval(timer);
    },
  };
}

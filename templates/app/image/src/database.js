// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, UnavailableError } from './errors.js';
import { migrate } from './migrations.js';
import { queryCall } from './tracing/calls.js';

/** @typedef {ReturnType<typeof createDatabase>} Database */

// A planned change of the leader takes under 3 s: waiting it out is kinder than an error.
const PATIENCE_MS = 4000;
const PAUSE_MS = 300;

// SQLSTATEs that mean "not now": connection, login, missing database, resources, shutdown, system.
const NOT_NOW = /^(08|28|3D|53|57P|58)/;
// A replica that has not yet replayed the migrations (a table, a column), and a leader that has just become a replica.
const UNDEFINED = /^42(P01|703)$/;
const READ_ONLY = '25006';

/** @type {import('./tracing/trace.js').Trace | null | undefined} */
const NO_TRACE = undefined;

/**
 * @param {import('./config.js').Config['database']} config
 * @param {import('./logging.js').Logger} log
 */
export function createDatabase(config, log) {
  const leader = createPool(config.leader, log);
  const replica = config.replica ? createPool(config.replica, log) : undefined;
  // A connection of its own: a busy pool is no reason to be taken out of service.
  const probe = createPool(config.leader, log, 1);
  let prepared = false;
  let closed = false;

  /** Lists may come from the replica; `fresh` asks for the leader, where nothing lags behind. */
  async function read(/** @type {string} */ text, /** @type {unknown[]} */ values, { fresh = false, trace = NO_TRACE } = {}) {
    if (replica && !fresh) {
      try {
        return (await run(replica, text, values, trace)).rows;
      } catch (error) {
        if (!isAway(error)) throw error;
      }
    }
    return patiently(() => run(leader, text, values, trace), true);
  }

  /** `repeatable`: doing it twice is the same as doing it once, so a lost answer may be asked for again. */
  async function write(/** @type {string} */ text, /** @type {unknown[]} */ values, { repeatable = false, trace = NO_TRACE } = {}) {
    for (const deadline = Date.now() + PATIENCE_MS; !prepared; await sleep(50)) {
      if (Date.now() > deadline) throw new UnavailableError('The database');
    }
    return patiently(() => run(leader, text, values, trace), repeatable);
  }

  async function check() {
    const { rows } = await run(probe, 'SELECT pg_is_in_recovery() AS standby', []);
    if (rows[0].standby) throw new Error('the server is a read-only standby');
    if (!prepared) throw new Error('the schema is being prepared');
  }

  async function prepare() {
    while (!prepared && !closed) {
      try {
        const applied = await migrate(/** @type {any} */ (config.leader));
        prepared = true;
        log.info({ applied }, 'database ready');
      } catch (error) {
        log.warn({ err: error }, `database not ready: ${describe(error)}; trying again`);
        await sleep(250, undefined, { ref: false });
      }
    }
  }

  async function close() {
    closed = true;
    await Promise.allSettled([leader.end(), replica?.end(), probe.end()]);
  }

  return { read, write, check, prepare, close };
}

/** @param {any} connection @param {import('./logging.js').Logger} log */
function createPool(connection, log, max = 10) {
  const pool = new pg.Pool({
    ...connection,
    max,
    connectionTimeoutMillis: 2000,
    statement_timeout: 10_000,
    query_timeout: 12_000,
    keepAlive: true,
    application_name: 'medianest-portal',
  });
  // The pool listens to idle connections only: one that breaks in use would otherwise end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  pool.on('error', (error) => log.warn({ err: error }, 'an idle database connection was lost'));
  return pool;
}

/** @param {import('pg').Pool} pool @param {string} text @param {unknown[]} values @param {typeof NO_TRACE} [trace] of the request */
const run = (pool, text, values, trace) => queryCall(trace, pool.options, text, () => query(pool, text, values));

/** @param {import('pg').Pool} pool @param {string} text @param {unknown[]} values */
async function query(pool, text, values) {
  const client = await pool.connect().catch((cause) => {
    throw Object.assign(cause instanceof Error ? cause : new Error(String(cause)), { nothingSent: true });
  });
  try {
    const result = await client.query(text, values);
    client.release();
    return result;
  } catch (error) {
    // A connection that timed out or broke may still be waiting for the old answer: never reuse it.
    client.release(isAway(error));
    throw error;
  }
}

/** @param {() => Promise<import('pg').QueryResult>} attempt @param {boolean} repeatable */
async function patiently(attempt, repeatable) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return (await attempt()).rows;
    } catch (/** @type {any} */ error) {
      if (!isAway(error)) throw error;
      const harmless = repeatable || error.nothingSent || error.code === READ_ONLY;
      if (!harmless || UNDEFINED.test(error.code) || Date.now() > deadline) {
        throw new UnavailableError('The database', error);
      }
      await sleep(PAUSE_MS);
    }
  }
}

/** @param {any} error */
function isAway(error) {
  const state = typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
  // What has no SQLSTATE did not come from PostgreSQL: the network or a time-out.
  return !state || NOT_NOW.test(state) || state === READ_ONLY || UNDEFINED.test(state);
}

// @ts-check
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { writeLog } from './acknowledged.mjs';

const TABLE = 'CREATE TABLE IF NOT EXISTS fault_log (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())';
// The timeline on which the write was made: each promotion begins a new one.
const INSERT = `INSERT INTO fault_log (id) VALUES ($1) RETURNING left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) AS timeline`;

/** @typedef {{host: string, port: number, user: string, passwordFile: string, database: string, caFile: string, clientFolder?: string}} Target */

/** A connection that is given up quickly, as a client does that wants to be served by whoever leads now. */
export async function connect(
  /** @type {Target} */ { host, port, user, passwordFile, database, caFile },
  { timeoutMs = 3000, more = '' } = {},
) {
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    password: readFileSync(passwordFile, 'utf8').trimEnd(),
    ssl: { ca: readFileSync(caFile, 'utf8') },
    connectionTimeoutMillis: 2000,
    query_timeout: timeoutMs,
    application_name: 'fault-writer',
    ...(more && { options: more }),
  });
  client.on('error', () => undefined);
  const drop = () => client.connection.stream.destroy();
  try {
    await client.connect();
  } catch (error) {
    drop();
    throw error;
  }
  return { query: (/** @type {string} */ text, /** @type {unknown[]} */ values) => client.query(text, values), drop };
}

/** Until it works or the time is over: what is asked after a fault must not fail by its last moments. */
export async function patiently(
  /** @type {Target} */ target,
  /** @type {string} */ text,
  /** @type {unknown[]} */ values = [],
  seconds = 30,
) {
  for (const deadline = performance.now() + seconds * 1000; ; await sleep(100)) {
    /** @type {Awaited<ReturnType<typeof connect>> | undefined} */
    let client;
    try {
      client = await connect(target, { timeoutMs: 20_000 });
      return (await client.query(text, values)).rows;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    } finally {
      client?.drop();
    }
  }
}

/** Writers through the router; each insert has an id of its own, and what was not acknowledged is not repeated. */
export async function postgresWriters(/** @type {Target} */ target, /** @type {string} */ run, writers = 3) {
  await patiently(target, TABLE);
  const log = writeLog();
  /** @type {import('./one-leader.mjs').Write[]} */
  const taken = [];
  let going = true;
  const write = async (/** @type {number} */ writer) => {
    /** @type {Awaited<ReturnType<typeof connect>> | undefined} */
    let client;
    for (let i = 0; going; i++) {
      const id = `${run}-${writer}-${i}`;
      try {
        client ??= await connect(target);
        const began = performance.now();
        const { rows } = await client.query(INSERT, [id]);
        log.ack(id);
        taken.push({
          timeline: Number.parseInt(rows[0].timeline, 16),
          began,
          ended: performance.now(),
          what: 'a write through the router',
        });
      } catch (error) {
        log.fail(error);
        client?.drop();
        client = undefined;
        await sleep(50);
      }
      await sleep(8);
    }
    client?.drop();
  };
  const ended = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return {
    log,
    taken,
    stop: async () => {
      going = false;
      await ended;
    },
    missing: (/** @type {readonly string[]} */ ids) => missing(target, ids),
  };
}

/** Those of the ids that the database does not hold. */
async function missing(/** @type {Target} */ target, /** @type {readonly string[]} */ ids) {
  const text =
    'SELECT wanted.id FROM unnest($1::text[]) AS wanted(id) WHERE NOT EXISTS (SELECT FROM fault_log WHERE fault_log.id = wanted.id)';
  return (await patiently(target, text, [ids])).map((/** @type {{id: string}} */ { id }) => id);
}

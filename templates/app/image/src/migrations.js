// @ts-check
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const FOLDER = fileURLToPath(new URL('../migrations', import.meta.url));
// Any number will do, as long as every version of the portal uses the same one.
const LOCK = 7_263_410_511;

/**
 * Replicas start together: the first one takes the lock and does the work, the others wait and find it
 * done. The lock belongs to the transaction, so a replica that dies cannot leave it behind.
 * @param {import('pg').ClientConfig} connection
 * @returns {Promise<string[]>} what was applied
 */
export async function migrate(connection) {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: 2000, query_timeout: 120_000 });
  // Without a listener a connection lost between two queries would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const applied = await applyMissing(client);
    await client.query('COMMIT');
    return applied;
  } finally {
    await client.end().catch(() => {});
  }
}

/** @param {import('pg').Client} client */
async function applyMissing(client) {
  await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`);
  const { rows } = await client.query('SELECT name FROM schema_migrations');
  const known = new Set(rows.map((row) => row.name));
  const files = (await readdir(FOLDER)).filter((file) => file.endsWith('.sql')).sort();
  const missing = files.filter((file) => !known.has(file));
  for (const file of missing) {
    await client.query(await readFile(join(FOLDER, file), 'utf8'));
    await client.query('INSERT INTO schema_migrations (name) VALUES ($1)', [file]);
  }
  return missing;
}

// @ts-check
import { readConfig } from './config.js';
import { createDatabase } from './database.js';

/** For `medianest health`: what all uploads take, those under way included, and what they may. One line of JSON. */
const config = readConfig(process.env);
const silent = /** @type {any} */ ({ warn: () => {}, info: () => {} });
const database = createDatabase(config.database, silent);
try {
  const [row] = await database.read(
    `SELECT (coalesce((SELECT sum(size) FROM uploads), 0)
           + coalesce((SELECT sum(bytes) FROM upload_reservations WHERE expires_at > now()), 0))::float8 AS used`,
    [],
    { fresh: true },
  );
  process.stdout.write(`${JSON.stringify({ used: row.used, quota: config.uploads.quota })}\n`);
} finally {
  await database.close();
}

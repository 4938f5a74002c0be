// A portal as many write one: pages, an API with Socket.IO, and workers of BullMQ. It knows nothing of medianest but REDIS_URL, DATABASE_URL
// and PORT, reads all that is in /run/secrets when it starts, migrates by a command, and answers eager checks with 429.
const { readdirSync, readFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { Queue, Worker } = require('bullmq');
const Redis = require('ioredis');
const { Pool } = require('pg');
const { Server } = require('socket.io');

const role = process.argv[2] ?? '';
const { RELEASE = '', APP_REPLICA = '', PORT, REDIS_URL, DATABASE_URL } = process.env;
if (!REDIS_URL || !DATABASE_URL) throw new Error('REDIS_URL and DATABASE_URL are needed');

// As programs do that take every secret they find for a variable.
for (const name of readdirSync('/run/secrets')) readFileSync(`/run/secrets/${name}`, 'utf8');

const pool = new Pool({ connectionString: DATABASE_URL, max: 3 });
pool.on('error', (error) => console.error(`database: ${error.message}`));
const connection = () => new Redis(REDIS_URL, { maxRetriesPerRequest: null });

let stops = false;
const asked = new Map();
function readiness(from) {
  const before = asked.get(from) ?? 0;
  asked.set(from, Date.now());
  if (stops) return 503;
  return Date.now() - before < 1000 ? 429 : 200;
}

async function answerOf(url, request, queue) {
  if (url.pathname.endsWith('/alive')) return [200, null];
  if (url.pathname.endsWith('/ready')) return [readiness(request.socket.remoteAddress), null];
  if (queue && url.pathname === '/api/jobs') {
    const { id, seconds = '0' } = Object.fromEntries(url.searchParams);
    await queue.add('film', { id, seconds: Number(seconds) }, { jobId: `job-${id}` });
    return [202, null];
  }
  if (queue && url.pathname === '/api/done') return [200, (await pool.query('SELECT id, release FROM done ORDER BY id')).rows];
  return [200, { role, release: RELEASE, replica: APP_REPLICA }];
}

function serve() {
  const queue = role === 'backend' ? new Queue('films', { connection: connection() }) : undefined;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    const [status, body] = await answerOf(url, request, queue).catch((error) => [500, String(error)]);
    response.writeHead(status, { 'content-type': 'application/json', ...(stops && { connection: 'close' }) }).end(JSON.stringify(body));
  });
  server.keepAliveTimeout = 75_000;
  if (queue) {
    const io = new Server(server);
    io.on('connection', (socket) => {
      socket.emit('replica', APP_REPLICA);
      socket.on('ask', (text, reply) => reply(`${text} by ${APP_REPLICA}`));
    });
  }
  server.listen(Number(PORT));
  process.on('SIGTERM', async () => {
    stops = true;
    await sleep(2000);
    server.close();
    server.closeIdleConnections();
    setTimeout(() => process.exit(0), 3000);
  });
}

function work() {
  const worker = new Worker(
    'films',
    async ({ data: { id, seconds } }) => {
      console.log(`has job ${id} in hand`);
      await sleep(seconds * 1000);
      await pool.query('INSERT INTO done (id, release) VALUES ($1, $2)', [id, RELEASE]);
    },
    { connection: connection(), concurrency: 2 },
  );
  worker.on('error', (error) => console.error(error.message));
  process.on('SIGTERM', async () => {
    await worker.close();
    process.exit(0);
  });
}

/** Refuses a database that is ahead of it, as Knex, Alembic and golang-migrate do. */
async function migrate() {
  await pool.query('CREATE TABLE IF NOT EXISTS done (id text, release text)');
  await pool.query('CREATE TABLE IF NOT EXISTS migrated (release text PRIMARY KEY)');
  const { rows } = await pool.query('SELECT release FROM migrated WHERE release > $1', [RELEASE]);
  if (rows.length > 0) throw new Error(`the database was migrated by ${rows[0].release}, which ${RELEASE} does not know`);
  await pool.query('INSERT INTO migrated VALUES ($1) ON CONFLICT DO NOTHING', [RELEASE]);
  await pool.end();
}

if (role === 'migrate') migrate();
else if (role === 'worker') work();
else serve();

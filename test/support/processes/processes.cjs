// An application in three processes: `frontend` and `backend` listen, `worker` takes jobs from Redis and notes in PostgreSQL who did them.
// It knows nothing of medianest but REDIS_URL, DATABASE_URL and PORT. Eager checks get 429, as limits of its own would answer.
const { createHash } = require('node:crypto');
const { createServer } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const Redis = require('/app/node_modules/ioredis/index.cjs');
const { Client } = require('/app/node_modules/pg/index.cjs');

const role = process.argv[2] ?? '';
const { VERSION = '', APP_REPLICA = '', PORT, REDIS_URL = '', DATABASE_URL = '', STUBBORN } = process.env;
let stops = false;

const self = () => ({ role, version: VERSION, replica: APP_REPLICA });

/** The check of readiness: 429 to who asks again within a second. */
const asked = new Map();
function readiness(request) {
  const from = request.socket.remoteAddress;
  const before = asked.get(from) ?? 0;
  asked.set(from, Date.now());
  if (stops) return 503;
  // This version is alive, and its backend never ready.
  if (role === 'backend' && VERSION === 'bad') return 500;
  return Date.now() - before < 1000 ? 429 : 200;
}

const redis = () => new (Redis.Redis ?? Redis)(REDIS_URL, { maxRetriesPerRequest: null });
async function database() {
  const client = new Client({ connectionString: DATABASE_URL });
  try {
    await client.connect();
  } catch {
    await sleep(500);
    return database();
  }
  await client.query('CREATE TABLE IF NOT EXISTS done (id text, worker text, version text)').catch(() => {});
  return client;
}

function serve() {
  const jobs = role === 'backend' ? redis() : undefined;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    const answer = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json', ...(stops && { connection: 'close' }) }).end(JSON.stringify(body));
    try {
      if (url.pathname.endsWith('/ready')) return answer(readiness(request), null);
      if (url.pathname.endsWith('/alive')) return answer(200, null);
      if (jobs && url.pathname === '/api/jobs') {
        await jobs.rpush('jobs', JSON.stringify(Object.fromEntries(url.searchParams)));
        return answer(202, null);
      }
      if (jobs && url.pathname === '/api/done') {
        const client = await database();
        const { rows } = await client.query('SELECT * FROM done WHERE id = $1', [url.searchParams.get('id')]);
        await client.end();
        return answer(200, rows);
      }
      return answer(200, { ...self(), path: url.pathname });
    } catch (error) {
      return answer(500, String(error));
    }
  });
  server.keepAliveTimeout = 75_000;
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1')
      .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    socket.end(`${[...head, `X-Replica: ${APP_REPLICA}`].join('\r\n')}\r\n\r\n`);
  });
  server.listen(Number(PORT));
  process.on('SIGTERM', async () => {
    stops = true;
    await sleep(2000);
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), 200);
  });
}

async function work() {
  const [jobs, client] = [redis(), await database()];
  process.on('SIGTERM', () => {
    if (!STUBBORN) stops = true;
  });
  while (!stops) {
    const taken = await jobs.blpop('jobs', 1);
    if (!taken) continue;
    const { id, seconds = '0' } = JSON.parse(taken[1]);
    console.log(`has job ${id} in hand`);
    await sleep(Number(seconds) * 1000);
    await client.query('INSERT INTO done VALUES ($1, $2, $3)', [id, APP_REPLICA, VERSION]);
    console.log(`has done job ${id}`);
  }
  process.exit(0);
}

if (role === 'worker') work();
else serve();

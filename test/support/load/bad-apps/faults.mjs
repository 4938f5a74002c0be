// @ts-check
// Loaded before the portal's server: one behaviour for its whole life, and requests under /fault that change it.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const behaviour = process.env.BEHAVIOUR ?? 'good';
const listen = net.Server.prototype.listen;
let slowMs = 0;
let requests = 0;
/** @type {Buffer[]} */
const leaked = [];

/** @type {Record<string, (req: http.IncomingMessage, res: http.ServerResponse, url: URL) => unknown>} */
const faults = {
  '/fault/slow': async (_req, res, url) => {
    const seconds = Number(url.searchParams.get('seconds') ?? 20);
    await sleep(seconds * 1000);
    answer(res, 200, { slept: seconds });
  },
  '/fault/slow-from-now': (_req, res, url) => {
    slowMs = Number(url.searchParams.get('ms') ?? 2000);
    answer(res, 200, { slowMs });
  },
  // The kernel goes on accepting; nobody answers.
  '/fault/hang': (_req, res) => {
    answer(res, 200, {});
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50);
  },
  '/fault/leak': (_req, res) => {
    setInterval(() => leaked.push(Buffer.alloc(8 * 1024 ** 2, 1)), 100);
    answer(res, 200, {});
  },
  '/fault/exit': () => process.exit(1),
  '/fault/fail': (_req, res) => answer(res, 500, {}),
  '/fault/replica': (_req, res) => answer(res, 200, { replica: process.env.APP_REPLICA, behaviour }),
};

function answer(/** @type {http.ServerResponse} */ res, /** @type {number} */ status, /** @type {object} */ body) {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
}

function intercept(/** @type {http.IncomingMessage} */ req, /** @type {http.ServerResponse} */ res, /** @type {() => void} */ pass) {
  const url = new URL(req.url ?? '/', 'http://localhost');
  const fault = faults[url.pathname];
  if (fault) return void fault(req, res, url);
  const health = url.pathname.startsWith('/api/health');
  // As the version of another application, whose balancer has to ask it for something else.
  if (behaviour === 'moved' && url.pathname === '/api/health/ready') return answer(res, 404, {});
  if (behaviour === 'moved' && url.pathname === '/ready') return answer(res, 200, {});
  if (health && behaviour === 'unhealthy') return answer(res, 500, { status: 'broken' });
  if (url.pathname === '/api/health/ready' && behaviour === 'never-ready') return answer(res, 503, { status: 'not-ready' });
  if (health && behaviour === 'dies') setTimeout(() => process.exit(1), Number(process.env.DIES_AFTER_MS ?? 3000));
  if (!health && behaviour === 'errs' && ++requests % 10 === 0) return answer(res, 500, {});
  if (slowMs > 0) return void setTimeout(pass, slowMs);
  pass();
}

for (const { prototype } of [http.Server, https.Server]) {
  const emit = prototype.emit;
  prototype.emit = /** @type {any} */ (
    /** @this {http.Server} */
    function (/** @type {string} */ event, /** @type {any[]} */ ...args) {
      if (event !== 'request') return emit.call(this, event, ...args);
      intercept(args[0], args[1], () => emit.call(this, event, ...args));
      return true;
    }
  );
}

net.Server.prototype.listen = /** @type {any} */ (
  /** @this {net.Server} */
  function (/** @type {any} */ options, /** @type {any[]} */ ...rest) {
    if (behaviour === 'never-listens') {
      setInterval(() => {}, 60_000);
      return this;
    }
    if (behaviour === 'wrong-port' && typeof options?.port === 'number') options.port += 1;
    return listen.call(this, options, ...rest);
  }
);

if (behaviour === 'exits') {
  console.error('cannot start: this version is broken');
  process.exit(1);
}

// @ts-check
// An open-loop load generator, a process of its own: requests start on schedule whether or not earlier ones were
// answered, as people's do, so that a server that stalls is charged for all who would have come meanwhile.
// Started by load.ts and scripts/bench-load.mjs with fork(): options come first, then `snapshot` and `stop`.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { performance } from 'node:perf_hooks';

const KEPT_FAILURES = 1000;
const MAX_IN_FLIGHT = 3000;

/** @typedef {{time: string, began: string, ms: number, method: string, path: string, reason: string, title?: string, reusedConnection: boolean}} Failure */
/** @typedef {{sent: number, answered: number, failed: number, milliseconds: number[], lastSuccess: number, longestGap: number, statuses: Record<string, number>}} Tally */

/** @returns {Tally} */
const tally = () => ({ sent: 0, answered: 0, failed: 0, milliseconds: [], lastSuccess: 0, longestGap: 0, statuses: {} });
const iso = (/** @type {number} */ at) => new Date(performance.timeOrigin + at).toISOString();

/** @param {import('./load.ts').LoadOptions} options */
function generate(options) {
  const { base, rate = 300, paths = ['/', '/api/requests', '/api/session'], postEvery = 5, timeoutMs = 30_000 } = options;
  const run = options.run ?? `load-${process.pid}-${Date.now().toString(36)}`;
  const client = base.startsWith('https:') ? https : http;
  // Everybody new: a connection and a whole handshake for each request.
  const kept = options.fresh ? { keepAlive: false, maxCachedSessions: 0 } : { keepAlive: true, maxFreeSockets: 128 };
  const agent = new client.Agent({ ...kept, maxSockets: MAX_IN_FLIGHT, timeout: timeoutMs });
  const target = { agent, family: 4, ...(options.ca && { ca: readFileSync(options.ca) }) };
  const began = performance.now();
  const tallies = { GET: tally(), POST: tally(), slow: tally() };
  /** @type {Failure[]} */
  const failures = [];
  /** @type {Record<string, number>} */
  const acknowledged = {};
  let scheduled = 0;
  let inFlight = 0;
  let going = true;

  /**
   * @param {Tally} counts @param {string} method @param {string} path @param {number} due
   * @param {{title?: string, timeout?: number}} [more]
   * @returns {Promise<void>}
   */
  function send(counts, method, path, due, { title, timeout = timeoutMs } = {}) {
    counts.sent++;
    inFlight++;
    return new Promise((resolve) => {
      const started = performance.now();
      let ended = false;
      const body = title && JSON.stringify({ title, kind: 'movie' });
      const call = client.request(base + path, {
        ...target,
        method,
        headers: body
          ? { origin: new URL(base).origin, 'content-type': 'application/json', 'content-length': body.length, 'idempotency-key': title }
          : {},
      });
      const timer = setTimeout(() => call.destroy(new Error(`no answer in ${timeout / 1000} s`)), timeout);
      const end = (/** @type {string | undefined} */ reason) => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        inFlight--;
        const now = performance.now();
        counts.answered++;
        if (reason === undefined) {
          counts.milliseconds.push(now - due);
          if (counts.lastSuccess > 0) counts.longestGap = Math.max(counts.longestGap, now - counts.lastSuccess);
          counts.lastSuccess = now;
        } else {
          counts.failed++;
          const failure = { time: iso(now), began: iso(started), ms: Math.round(now - started), method, path, reason };
          if (failures.length < KEPT_FAILURES) failures.push({ ...failure, ...(title && { title }), reusedConnection: call.reusedSocket });
        }
        resolve();
      };
      call.on('error', (/** @type {NodeJS.ErrnoException} */ error) => end(error.code ?? error.message));
      call.on('response', (response) => {
        const status = response.statusCode ?? 0;
        counts.statuses[status] = (counts.statuses[status] ?? 0) + 1;
        let text = '';
        // What a list says is not read; what a write says is, because it names what must be there afterwards.
        if (title) response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        else response.resume();
        response.on('error', (/** @type {NodeJS.ErrnoException} */ error) => end(`cut off: ${error.code ?? error.message}`));
        response.on('close', () => end(response.complete ? undefined : 'cut off'));
        response.on('end', () => {
          if (status >= 400 || (title && status !== 201)) return end(String(status));
          if (title) acknowledged[title] = idOf(text);
          end(undefined);
        });
      });
      call.end(body);
    });
  }

  function tick() {
    const now = performance.now();
    while (going && scheduled < ((now - began) * rate) / 1000) {
      const due = began + (scheduled * 1000) / rate;
      const number = scheduled++;
      const writes = postEvery > 0 && number % postEvery === postEvery - 1;
      if (inFlight >= MAX_IN_FLIGHT) {
        const counts = writes ? tallies.POST : tallies.GET;
        counts.sent++;
        counts.answered++;
        counts.failed++;
        if (failures.length < KEPT_FAILURES) {
          failures.push({
            time: iso(now),
            began: iso(now),
            ms: 0,
            method: writes ? 'POST' : 'GET',
            path: '',
            reason: 'too many unanswered',
            reusedConnection: false,
          });
        }
      } else if (writes) void send(tallies.POST, 'POST', options.postPath ?? '/api/requests', due, { title: `${run}-${number}` });
      else void send(tallies.GET, 'GET', /** @type {string} */ (paths[number % paths.length]), due);
    }
  }

  /** One slow request is always under way: the next begins when the last has ended. */
  async function keepOneSlow(/** @type {string} */ path) {
    while (going) {
      const before = tallies.slow.failed;
      await send(tallies.slow, 'GET', path, performance.now(), { timeout: 60_000 });
      if (tallies.slow.failed > before) await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  const timer = setInterval(tick, 4);
  if (options.slowPath) void keepOneSlow(options.slowPath);

  const snapshot = () => ({
    sent: tallies.GET.sent + tallies.POST.sent,
    failed: tallies.GET.failed + tallies.POST.failed + tallies.slow.failed,
    inFlight,
    at: iso(performance.now()),
  });

  async function stop() {
    going = false;
    clearInterval(timer);
    const seconds = (performance.now() - began) / 1000;
    while (inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    agent.destroy();
    const cpu = process.cpuUsage();
    return {
      run,
      began: iso(began),
      seconds,
      rate: (tallies.GET.sent + tallies.POST.sent) / seconds,
      cpuShare: (cpu.user + cpu.system) / 1e6 / seconds,
      ...snapshot(),
      get: summary(tallies.GET, began),
      post: summary(tallies.POST, began),
      slow: summary(tallies.slow, began),
      failures,
      acknowledged,
    };
  }
  return { snapshot, stop };
}

/** @param {string} text */
function idOf(text) {
  try {
    return Number(JSON.parse(text).id);
  } catch {
    return Number.NaN;
  }
}

/** @param {Tally} counts @param {number} began */
function summary({ milliseconds, lastSuccess, longestGap, ...counts }, began) {
  const sorted = Float64Array.from(milliseconds).sort();
  const at = (/** @type {number} */ share) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  // A server that never came back leaves its gap open to the end.
  const open = counts.sent > 0 ? performance.now() - (lastSuccess || began) : 0;
  return {
    ...counts,
    longestGapMs: round(Math.max(longestGap, open)),
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    max: round(sorted.at(-1) ?? 0),
  };
}

const round = (/** @type {number} */ value) => Math.round(value * 100) / 100;

/** @type {ReturnType<typeof generate> | undefined} */
let load;
process.on('message', async (/** @type {any} */ message) => {
  if (message.options) load = generate(message.options);
  else if (message.ask === 'snapshot') process.send?.({ snapshot: load?.snapshot() });
  else if (message.ask === 'stop') process.send?.({ report: await load?.stop() }, () => process.exit(0));
});
// Whoever started it is gone: nobody will read the report.
process.on('disconnect', () => process.exit(1));

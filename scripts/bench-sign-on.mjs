// What sign-on costs a request of somebody who is signed in: two stacks with the edge, the balancer and the application of prod, one with
// sign-on and one without, side by side. wrk asks them in turn, so that a busy moment of the machine meets both.
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, bench, median, PORTS, round } from './bench-lib.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9);
const SECONDS = 4;
const OFF = ['patroni', 'etcd', 'db-router', 'redis-cluster', 'backup', 'agent', 'engine-proxy', 'cdn'];
const USER = 'bench';
const PASSWORD = 'a password of the bench';

/** Without the WAF, which costs more than all that is measured here; all of the load is one client. */
const settingsOf = (signOn, httpPort, httpsPort) => `observability: off
logs: { store: off }
components: { ${OFF.map((name) => `${name}: false`).join(', ')}, postgres: true, redis: true, sign-on: ${signOn} }
edge: { address: 127.0.0.1, httpPort: ${httpPort}, httpsPort: ${httpsPort}, rateLimit: false, connections: 0, waf: { mode: off } }
`;

/** One request of a browser. @param form is posted */
function ask(port, path, cookie, form) {
  const body = form && new URLSearchParams(form).toString();
  const headers = {
    host: `localhost:${port}`,
    accept: 'text/html',
    ...(cookie && { cookie }),
    ...(body && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: 'localhost', path, method: body ? 'POST' : 'GET', headers };
    const sent = request({ ...options, rejectUnauthorized: false, agent: false }, async (answer) => {
      let text = '';
      for await (const part of answer) text += part;
      resolve({ status: answer.statusCode, text, cookies: answer.headers['set-cookie'] ?? [] });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Signs a new member in. @returns the session's cookie */
async function session(at, port) {
  const invited = at.medianest('users', 'invite', USER, '--groups', 'member', '--json');
  const token = new URL(JSON.parse(invited.stdout).link).searchParams.get('token');
  await ask(port, '/auth/invitation', '', { token, password: PASSWORD, confirm: PASSWORD, login: '' });
  const page = await ask(port, '/auth/');
  const hidden = [...page.text.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
    /\bname="([^"]*)"/.exec(tag)?.[1],
    /\bvalue="([^"]*)"/.exec(tag)?.[1] ?? '',
  ]);
  const before = page.cookies.map((line) => line.split(';')[0]).join('; ');
  const { cookies } = await ask(port, '/auth/', before, { ...Object.fromEntries(hidden), user: USER, password: PASSWORD });
  const cookie = cookies.map((line) => line.split(';')[0]).find((pair) => pair.startsWith('__Host-medianest='));
  if (!cookie) throw new Error('the member was not signed in');
  return cookie;
}

const inMs = ([, amount, unit]) => Number(amount) * { us: 0.001, ms: 1, s: 1000 }[unit];

/** @returns requests per second, and the median of their times in ms */
function wrk(at, { port, cookie }, connections, path) {
  const headers = cookie ? ['-H', `Cookie: ${cookie}`] : [];
  const args = [
    '-t',
    '1',
    '-c',
    String(connections),
    '-d',
    `${SECONDS}s`,
    '--timeout',
    '10s',
    '--latency',
    ...headers,
    `https://localhost:${port}${path}`,
  ];
  const { stdout } = at.call('wrk', args);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), medianMs: inMs(/50%\s+([\d.]+)(us|ms|s)/.exec(stdout)) };
}

/** Pairs, each the other way round than the one before. */
function pairs(at, stacks, connections, path) {
  const runs = { without: [], with: [] };
  for (const name of Object.keys(runs)) wrk(at, stacks[name], connections, path);
  for (let i = 0; i < ROUNDS; i++) {
    const order = i % 2 === 0 ? ['without', 'with'] : ['with', 'without'];
    for (const name of order) runs[name].push(wrk(at, stacks[name], connections, path));
  }
  return runs;
}

export async function signOn() {
  const [plain, signed] = [bench('mn-bench-open'), bench('mn-bench-sign-on')];
  const ports = { without: PORTS.https + 10, with: PORTS.https + 11 };
  const figures = {};
  try {
    plain.settings('prod', settingsOf(false, PORTS.http + 10, ports.without));
    plain.medianest('up');
    signed.settings('prod', settingsOf(true, PORTS.http + 11, ports.with));
    signed.medianest('up');
    const stacks = { without: { port: ports.without }, with: { port: ports.with, cookie: await session(signed, ports.with) } };
    await sleep(5000);
    for (const [name, path] of [
      ['page', '/'],
      ['api', '/api/requests'],
    ]) {
      const one = pairs(plain, stacks, 1, path);
      const all = pairs(plain, stacks, 32, path);
      const added = median(one.with.map(({ medianMs }, i) => medianMs - one.without[i].medianMs));
      const cost = 100 * (1 - median(all.with.map(({ perSecond }, i) => perSecond / all.without[i].perSecond)));
      const times = (runs) => runs.map(({ medianMs }) => round(medianMs));
      const rates = (runs) => runs.map(({ perSecond }) => Math.round(perSecond));
      figures[`${name}MedianMs`] = atMost(2, added, {
        unit: 'ms more at the median, one request at a time',
        without: times(one.without),
        with: times(one.with),
      });
      figures[`${name}Cost`] = atMost(15, cost, { unit: '% of requests/s', without: rates(all.without), with: rates(all.with) });
      console.error(JSON.stringify({ path, added: round(added), cost: round(cost) }));
    }
  } finally {
    plain.remove();
    signed.remove();
  }
  return figures;
}

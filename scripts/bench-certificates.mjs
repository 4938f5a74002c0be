// What certificates cost: renewals beside visitors who each make a connection of their own, and an order by HTTP-01 beside
// lego alone at the same ACME server.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { atLeast, atMost, bench, docker, edgeSettings, home, median, startLoad, told } from './bench-lib.mjs';

const RENEWALS = Number(process.env.BENCH_RENEWALS ?? 100);
const ORDERS = Number(process.env.BENCH_ORDERS ?? 5);
const RATE = 100;
const NAME = 'media.medianest.test';
const LIMITS = 'rateLimit: false, connections: 0';

/** The server of the tests, which are TypeScript. */
async function pebbleOf() {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-bench-pebble-'));
  const outfile = path.join(folder, 'pebble.cjs');
  await build({
    entryPoints: [path.join(home, 'test/support/certificates/pebble.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(path.join(home, 'test/support/cli.ts')).href) },
    logLevel: 'error',
    outfile,
  });
  const loaded = await import(pathToFileURL(outfile).href);
  rmSync(folder, { recursive: true });
  return loaded;
}

/** One renewal after the other, while `RATE` visitors a second come, each with a handshake. */
async function renewals(at) {
  at.settings('dev-compose', edgeSettings(LIMITS));
  at.medianest('up');
  const visitors = { rate: RATE, fresh: true, postEvery: 0, paths: ['/api/health'] };
  // Without renewals first: a host that cannot carry the visitors alone says nothing about renewals.
  const first = startLoad(at, visitors);
  await first.sent(RATE * 20);
  const { get: alone } = await first.stop();
  const load = startLoad(at, visitors);
  const seconds = [];
  try {
    await load.sent(RATE * 3);
    for (let i = 0; i < RENEWALS; i++) {
      const run = await at.medianestMeanwhile('certs', 'renew', '--force', '--json');
      const [{ action, cause }] = run.status === 0 ? JSON.parse(run.stdout).certificates : [{ action: run.stderr }];
      if (action !== 'renewed') throw new Error(`renewal ${i + 1}: ${action} ${cause ?? ''}`);
      seconds.push(run.seconds);
    }
    const report = await load.stop();
    const reasons = {};
    for (const { reason } of report.failures) reasons[reason] = (reasons[reason] ?? 0) + 1;
    return {
      visitorsAlone: told({ failed: alone.failed, p50Ms: Math.round(alone.p50), p99Ms: Math.round(alone.p99) }),
      renewalsUnderLoad: told(seconds.length),
      renewalLoadPerSecond: atLeast(RATE * 0.98, report.get.answered / seconds.reduce((sum, value) => sum + value, 3), {
        unit: 'requests/s',
      }),
      renewalRequests: told({ answered: report.get.answered, p50Ms: Math.round(report.get.p50), p99Ms: Math.round(report.get.p99) }),
      renewalFailedRequests: atMost(0, report.get.failed, { reasons }),
      renewalSeconds: told(median(seconds)),
    };
  } finally {
    load.kill();
  }
}

/** An order by HTTP-01, whole command, and the same order by the lego container alone. */
async function issuance(at) {
  const { startPebble } = await pebbleOf();
  const base = `${edgeSettings(`${LIMITS}, domains: [${NAME}]`)}`;
  at.settings('dev-compose', base);
  at.medianest('up');
  const network = `${at.project}_dmz`;
  const edge = docker('inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, `${at.project}-edge-1`);
  const gateway = docker('network', 'inspect', '--format', '{{(index .IPAM.Config 0).Gateway}}', network);
  // What the operator's router does: port 80 of the public address leads to the edge.
  const router = net.createServer((from) => {
    const to = net.connect(8080, edge);
    from.on('error', () => to.destroy()).pipe(to);
    to.on('error', () => from.destroy()).pipe(from);
  });
  await new Promise((resolve) => router.listen(80, gateway, resolve));
  const pebble = await startPebble('bench', network);
  const alone = mkdtempSync(path.join(os.tmpdir(), 'medianest-bench-lego-'));
  try {
    await pebble.dns('set-default-ipv4', { ip: gateway });
    const acme = `{ directory: "${pebble.directory}", root: "${pebble.root}", dns: { resolvers: ["${pebble.resolver}"] } }`;
    at.settings('dev-compose', `${edgeSettings(`${LIMITS}, domains: [${NAME}], certificate: acme`)}certificates: { acme: ${acme} }\n`);
    const first = await at.medianestMeanwhile('up');
    if (first.status !== 0) throw new Error(first.stderr);
    const image = docker('images', '--format', '{{.Repository}}:{{.Tag}}', 'medianest/lego').split('\n')[0];
    mkdirSync(path.join(alone, 'lego'));
    const times = { medianest: [], lego: [] };
    const lego = (...more) => [
      ...['run', '--rm', '--init', '--network', network, '--user', `${process.getuid()}:${process.getgid()}`, '--tmpfs', '/tmp:mode=1777'],
      ...['--volume', `${alone}/lego:/lego`, '--volume', `${path.dirname(pebble.root)}:/pebble:ro`],
      ...['--volume', `${path.join(at.dir, '.medianest/acme/webroot')}:/webroot`, '--env', 'LEGO_CA_CERTIFICATES=/pebble/root.pem', image],
      ...['--path', '/lego', '--server', pebble.directory, '--accept-tos', '--key-type', 'ec256', '--domains', NAME],
      ...['--http', '--http.webroot', '/webroot', ...more],
    ];
    const runLego = (...more) => asynchronous(at, 'docker', lego(...more));
    await runLego('run');
    for (let i = 0; i < ORDERS; i++) {
      const run = await at.medianestMeanwhile('certs', 'issue', 'edge-public', '--json');
      if (run.status !== 0) throw new Error(`${run.stdout}${run.stderr}`);
      times.medianest.push(run.seconds);
      times.lego.push(await runLego('renew', '--days', '3650', '--no-random-sleep'));
    }
    return {
      issueHttp01: atMost(1.5, median(times.medianest) / median(times.lego), { unit: 'times the lego container alone' }),
      issueHttp01Seconds: told({ medianest: round3(median(times.medianest)), lego: round3(median(times.lego)) }),
    };
  } finally {
    router.close();
    await pebble.destroy();
    rmSync(alone, { recursive: true, force: true });
  }
}

const round3 = (value) => Math.round(value * 1000) / 1000;

/** Not waited for in one go: the router of this process has to go on meanwhile. */
async function asynchronous(at, command, args) {
  const started = performance.now();
  const child = spawn(command, args, { cwd: at.dir, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${said}`);
  return (performance.now() - started) / 1000;
}

export async function certificates() {
  const at = bench('mn-bench-certs');
  try {
    const under = await renewals(at);
    at.down();
    return { ...under, ...(await issuance(at)) };
  } finally {
    at.remove();
  }
}

// What the death of a part of the data plane costs, and what its layers do: prod as it is, with writers on the database
// through its router and on each third of the cache.
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atLeast, atMost, bench, docker, edgeSettings, median, told } from './bench-lib.mjs';
import { container, controller, leaderOf, settled } from './bench-members.mjs';
import { addressOf, whileWriting } from './bench-writers.mjs';

const KILLS = Number(process.env.BENCH_KILLS ?? 20);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const BOUNDS = {
  killed: 5,
  paused: 22,
  postmaster: 5,
  switchover: 3,
  cacheKilled: 6,
  cacheHandover: 0.3,
  router: 0.85,
  up: 60,
  memory: 900,
};
const DATA_PLANE = /^(postgres|etcd|redis)-\d+$|^(db-router|agent|engine-proxy)$/;
const PGBENCH_UID = 10002;

/** Rounds of one fault: the longest time without a write in each, in seconds, and how many acknowledged writes were lost in all. */
async function rounds(at, count, which, fault) {
  const gaps = [];
  let lost = 0;
  for (let i = 0; i < count; i++) {
    await settled(at);
    const report = await whileWriting(at, which, () => fault());
    const logs = [report.postgres, ...(report.redis?.thirds ?? [])].filter(Boolean);
    gaps.push(Math.max(...logs.map(({ longestGapMs }) => longestGapMs)) / 1000);
    lost += (report.postgres?.lost.length ?? 0) + (report.redis?.lost.length ?? 0);
    console.error(`  ${i + 1}/${count}: ${gaps.at(-1)} s, lost ${lost}`);
  }
  const sorted = gaps.toSorted((a, b) => a - b);
  return { gaps: sorted, p95: sorted[Math.ceil(sorted.length * 0.95) - 1], worst: sorted.at(-1), lost };
}

const seconds = (bound, value, { gaps, lost }) =>
  atMost(bound, value, { unit: 's without a write', median: median(gaps), rounds: gaps.length, lost });

async function faults(at, figures) {
  const database = { postgres: true };
  const cache = { redis: true };
  const leader = () => container(at, leaderOf(at, 'postgres'));
  const killed = await rounds(at, KILLS, database, () => docker('kill', leader()));
  figures.leaderKilled = seconds(BOUNDS.killed, killed.p95, killed);
  figures.leaderKilledLost = atMost(0, killed.lost, { unit: `acknowledged writes in ${KILLS} runs` });
  const postmaster = await rounds(at, ROUNDS, database, () =>
    docker('exec', leader(), 'bash', '-c', 'kill -KILL "$(head -n 1 "$PGDATA/postmaster.pid")"'),
  );
  figures.postmasterKilled = seconds(BOUNDS.postmaster, postmaster.worst, postmaster);
  const paused = await rounds(at, ROUNDS, database, () => docker('pause', leader()));
  figures.leaderPaused = seconds(BOUNDS.paused, paused.worst, paused);
  const switched = await rounds(at, ROUNDS, database, () => controller(at, 'switchover'));
  figures.switchover = seconds(BOUNDS.switchover, switched.worst, switched);
  const master = await rounds(at, ROUNDS, cache, () => docker('kill', container(at, leaderOf(at, 'redis'))));
  figures.redisMasterKilled = seconds(BOUNDS.cacheKilled, master.worst, master);
  const handed = await rounds(at, ROUNDS, cache, () => controller(at, 'handover', leaderOf(at, 'redis')));
  figures.redisHandover = seconds(BOUNDS.cacheHandover, handed.worst, handed);
}

/** pgbench through the router and straight to the leader, in turn: TLS that is verified, and a synchronous standby, in both. */
async function throughput(at, figures) {
  await settled(at);
  const folder = path.join(at.dir, 'pgbench');
  mkdirSync(folder);
  const password = readFileSync(path.join(at.dir, '.medianest/secrets/postgres-1/database-password-a'), 'utf8').trimEnd();
  writeFileSync(path.join(folder, 'pgpass'), `*:*:*:*:${password}\n`);
  for (const name of [folder, path.join(folder, 'pgpass')]) chownSync(name, PGBENCH_UID, PGBENCH_UID);
  chmodSync(path.join(folder, 'pgpass'), 0o600);
  const leader = leaderOf(at, 'postgres');
  const image = docker('inspect', '--format', '{{.Config.Image}}', container(at, leader));
  const pgbench = (host, ...args) =>
    docker(
      ...[
        'run',
        '--rm',
        '--network',
        `${at.project}_db`,
        '--network',
        `${at.project}_control`,
        '--volume',
        `${path.join(at.dir, '.medianest/ca/trust')}:/run/trust:ro`,
      ],
      ...['--volume', `${folder}:/srv/pgbench:ro`, '--env', 'PGPASSFILE=/srv/pgbench/pgpass', '--env', 'PGSSLMODE=verify-full'],
      ...['--env', 'PGSSLROOTCERT=/run/trust/internal-ca.pem', '--entrypoint', '/usr/lib/postgresql/17/bin/pgbench', image],
      ...['--host', host, '--username', 'medianest_a', ...args, 'medianest'],
    );
  const hosts = { router: addressOf(at, 'db-router'), leader: addressOf(at, leader) };
  pgbench(hosts.leader, '--initialize', '--quiet', '--scale', '10');
  const compared = () => {
    const rates = { router: [], leader: [] };
    for (let i = 0; i < ROUNDS; i++) {
      for (const [name, host] of Object.entries(hosts)) {
        const said = pgbench(host, '--client', '8', '--jobs', '2', '--time', '10', '--no-vacuum');
        rates[name].push(Number(/tps = ([\d.]+)/.exec(said)[1]));
      }
    }
    return atLeast(BOUNDS.router, median(rates.router.map((rate, i) => rate / rates.leader[i])), {
      unit: 'share of the transactions/s straight to the leader',
      perSecond: Math.round(median(rates.router)),
      reference: { perSecond: Math.round(median(rates.leader)) },
    });
  };
  figures.pgbenchThroughRouter = compared();
  // Where the database and its client take all processors, whatever the router needs is missing elsewhere: once more with some to spare.
  const allowed = Number(docker('inspect', '--format', '{{.HostConfig.NanoCpus}}', container(at, leader))) / 1e9;
  docker('update', '--cpus', '0.5', container(at, leader));
  figures.pgbenchThroughRouterWithRoom = compared();
  docker('update', '--cpus', String(allowed), container(at, leader));
}

async function idle(at, figures) {
  await settled(at);
  await sleep(20_000);
  const lines = docker('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}').split('\n');
  const units = { B: 1 / 1024 ** 2, KiB: 1 / 1024, MiB: 1, GiB: 1024 };
  const perService = {};
  for (const line of lines) {
    const [, name, amount, unit] = /^(\S+) ([\d.]+)(\w+) \//.exec(line) ?? [];
    const service = name?.startsWith(`${at.project}-`) && name.slice(at.project.length + 1, -2);
    if (service && DATA_PLANE.test(service)) perService[service] = Math.round(Number(amount) * units[unit] * 10) / 10;
  }
  const sum = Object.values(perService).reduce((all, one) => all + one, 0);
  figures.idleMemory = atMost(BOUNDS.memory, sum, { unit: 'MiB of the data plane, idle', perService });
}

export async function data() {
  const at = bench('mn-bench');
  const figures = {};
  try {
    at.settings('prod', edgeSettings('rateLimit: false, connections: 0'));
    at.medianest('up');
    await idle(at, figures);
    at.medianest('down');
    figures.upFromStopped = atMost(BOUNDS.up, at.medianest('up').ms / 1000, { unit: 's, the whole of prod, images present' });
    await throughput(at, figures);
    await faults(at, figures);
    figures.containers = told(docker('ps', '--quiet', '--filter', `label=com.docker.compose.project=${at.project}`).split('\n').length);
  } finally {
    at.remove();
  }
  return figures;
}

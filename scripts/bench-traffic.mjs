// What people notice of changes and deaths: three replicas of prod under load (a fifth of it writes, and a 20 s request
// always under way), while versions are deployed, rolled back and scaled, and while a replica is killed.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atLeast, atMost, bench, docker, edgeSettings, home, lostWrites, median, startLoad, told } from './bench-lib.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 50_000);
// Above 300, so that a busy machine still makes 300.
const RATE = Number(process.env.BENCH_RATE ?? 320);
// All of the load is one client. Without the WAF: on two cores ModSecurity alone takes one of them at this rate, and with the
// load generator beside it the host is saturated before anything is deployed. BENCH_WAF=block measures that.
const WAF = process.env.BENCH_WAF ?? 'off';
const LIMITS = `rateLimit: false, connections: 0, waf: { mode: ${WAF} }`;
const VERSIONS = ['good', 'good-2'].map((version) => `mn-bench-app:${version}`);

/** The portal with a slow page, twice: the same in two images. */
function buildVersions(at) {
  const { images } = JSON.parse(at.medianest('images', 'build', '--profile', 'prod', '--json').stdout);
  const portal = images.find(({ name }) => name === 'app').ref;
  for (const version of VERSIONS) {
    const args = ['--build-arg', `PORTAL=${portal}`, '--build-arg', `BEHAVIOUR=${version.split(':')[1]}`];
    docker('build', '--quiet', ...args, '--tag', version, path.join(home, 'test/support/load/bad-apps'));
  }
}

const OPERATIONS = {
  deploy: ['deploy', '--image', VERSIONS[1]],
  rollback: ['rollback'],
  scaleUp: ['scale', 'app=5'],
  scaleDown: ['scale', 'app=3'],
};

/** One run of the load, in which the operations follow one another until it has sent enough. */
async function round(at) {
  const load = startLoad(at, { rate: RATE, slowPath: '/fault/slow?seconds=20' });
  const operations = [];
  try {
    await load.sent(RATE * 2);
    for (let i = 0; (await load.snapshot()).sent < REQUESTS || i < Object.keys(OPERATIONS).length; i++) {
      const [name, args] = Object.entries(OPERATIONS)[i % Object.keys(OPERATIONS).length];
      const before = await load.snapshot();
      const { status, seconds, stdout, stderr } = await at.medianestMeanwhile(...args, '--json');
      if (status !== 0) throw new Error(`${args.join(' ')}: ${stdout}${stderr}`);
      const after = await load.snapshot();
      operations.push({ name, seconds, requests: after.sent - before.sent, failed: after.failed - before.failed });
    }
    const report = await load.stop();
    return { report, operations, lost: lostWrites(at, report) };
  } finally {
    load.kill();
  }
}

/** A replica's process is killed, as the kernel would: its container comes back by its restart policy. */
async function replicaKilled(at) {
  const load = startLoad(at, { rate: RATE });
  try {
    await load.sent(RATE * 3);
    process.kill(Number(docker('inspect', '--format', '{{.State.Pid}}', `${at.project}-app-2-1`)), 'SIGKILL');
    const killedAt = new Date(Date.now() + 50).toISOString();
    await sleep(10_000);
    const report = await load.stop();
    const failed = (method, when) => report.failures.filter((failure) => failure.method === method && when(failure.began)).length;
    return {
      requests: report.sent,
      get: failed('GET', () => true),
      writesBegunBefore: failed('POST', (began) => began <= killedAt),
      writesBegunAfter: failed('POST', (began) => began > killedAt),
      lost: lostWrites(at, report),
      worstMs: Math.max(report.get.max, report.post.max),
    };
  } finally {
    load.kill();
  }
}

export async function traffic() {
  const at = bench('mn-bench');
  const figures = {};
  try {
    at.settings('prod', edgeSettings());
    buildVersions(at);
    at.settings('prod', `${edgeSettings(LIMITS)}app: { image: "${VERSIONS[0]}", tls: true }\n`);
    at.medianest('up');

    const rounds = [];
    for (let i = 0; i < ROUNDS; i++) {
      rounds.push(await round(at));
      console.error(JSON.stringify({ ...rounds.at(-1).report, acknowledged: undefined, operations: rounds.at(-1).operations }));
    }
    for (const name of Object.keys(OPERATIONS)) {
      const runs = rounds.flatMap(({ operations }) => operations.filter((operation) => operation.name === name));
      figures[`${name}FailedRequests`] = atMost(0, Math.max(...runs.map(({ failed }) => failed)), {
        unit: `the most of ${runs.length} times`,
        requestsMeanwhile: runs.map(({ requests }) => requests),
      });
      figures[`${name}Seconds`] = told(median(runs.map(({ seconds }) => seconds)));
    }
    figures.failedRequests = atMost(0, Math.max(...rounds.map(({ report }) => report.failed)), {
      unit: `the most of ${rounds.length} runs`,
      requests: rounds.map(({ report }) => report.sent),
      reasons: rounds
        .flatMap(({ report }) => report.failures.map(({ method, path, reason }) => `${method} ${path} ${reason}`))
        .slice(0, 20),
    });
    figures.requestsPerRun = atLeast(REQUESTS, Math.min(...rounds.map(({ report }) => report.sent)));
    figures.requestsPerSecond = atLeast(300, Math.min(...rounds.map(({ report }) => report.rate)));
    figures.lostWrites = atMost(0, Math.max(...rounds.map(({ lost }) => lost)), {
      acknowledged: rounds.map(({ report }) => Object.keys(report.acknowledged).length),
    });
    figures.slowRequestsFailed = atMost(0, Math.max(...rounds.map(({ report }) => report.slow.failed)), {
      finished: rounds.map(({ report }) => report.slow.answered),
    });
    figures.p99Ms = told(median(rounds.map(({ report }) => report.get.p99)));

    const kills = [];
    for (let i = 0; i < ROUNDS; i++) kills.push(await replicaKilled(at));
    const worst = (key) => Math.max(...kills.map((kill) => kill[key]));
    figures.replicaKilledFailedIdempotent = atMost(0, worst('get'), { requests: kills.map(({ requests }) => requests) });
    figures.replicaKilledFailedWritesBegunLater = atMost(0, worst('writesBegunAfter'));
    figures.replicaKilledFailedWritesInFlight = told(worst('writesBegunBefore'));
    figures.replicaKilledLostWrites = atMost(0, worst('lost'));
    figures.replicaKilledSlowestMs = told(worst('worstMs'));
  } finally {
    at.remove();
  }
  return figures;
}

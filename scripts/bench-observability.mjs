// What it costs to be watched: prod with nothing, with `observability: light`, and beside that with the log store. Each is brought
// up in turn, in the same minutes, and asked by wrk until the host is saturated.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost, bench, docker, edgeSettings, median, requestsPerSecond, round } from './bench-lib.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = 15;
const IDLE_SECONDS = 120;
const WATCHING =
  /^(prometheus|alertmanager|alert-relay|node-exporter|postgres-exporter-\d+|redis-exporter|nginx-exporter|blackbox-exporter)$/;
// All of the load is one client. Without the WAF, which costs more than all that is measured here.
const LOAD = 'rateLimit: false, connections: 0, waf: { mode: off }';

const VARIANTS = {
  off: 'observability: off\nlogs: { store: off }\n',
  light: 'observability: light\nlogs: { store: off }\n',
  logs: 'observability: light\nlogs: { store: files }\n',
};

function up(at, variant) {
  at.settings('prod', `${edgeSettings(LOAD)}${VARIANTS[variant]}`);
  at.medianest('up');
}

/** Processor time of each container of the project so far: service -> seconds. */
function processorSeconds(project) {
  const format = '{{.ID}} {{.Label "com.docker.compose.service"}}';
  const lines = docker('ps', '--no-trunc', '--filter', `label=com.docker.compose.project=${project}`, '--format', format).split('\n');
  return Object.fromEntries(lines.map((line) => [line.split(' ')[1], usedBy(line.split(' ')[0])]));
}

function usedBy(id) {
  try {
    return Number(readFileSync(`/sys/fs/cgroup/cpuacct/docker/${id}/cpuacct.usage`, 'utf8')) / 1e9;
  } catch {
    // cgroup v2, by cgroupfs or by systemd.
    const file = ['docker/', 'system.slice/docker-'].map(
      (start) => `/sys/fs/cgroup/${start}${id}${start.endsWith('-') ? '.scope' : ''}/cpu.stat`,
    );
    const text = file.map((name) => readOr(name)).find((found) => found !== undefined);
    return Number(/usage_usec (\d+)/.exec(text)[1]) / 1e6;
  }
}

function readOr(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Shares of one core that the services use while nobody visits. */
async function idle(at) {
  await sleep(60_000);
  const before = processorSeconds(at.project);
  await sleep(IDLE_SECONDS * 1000);
  const after = processorSeconds(at.project);
  const shares = Object.entries(after).map(([service, seconds]) => [service, (seconds - before[service]) / IDLE_SECONDS]);
  const sum = (those) => those.reduce((total, [, share]) => total + share * 100, 0);
  return {
    watching: sum(shares.filter(([service]) => WATCHING.test(service))),
    agent: sum(shares.filter(([service]) => service === 'agent')),
    services: Object.fromEntries(shares.map(([service, share]) => [service, round(share * 100)])),
  };
}

export async function observability() {
  const at = bench('mn-bench');
  const figures = {};
  const runs = Object.fromEntries(Object.keys(VARIANTS).map((variant) => [variant, []]));
  try {
    for (let i = 0; i < ROUNDS; i++) {
      // The order turns, so that none is always the first after another.
      const order = Object.keys(VARIANTS).map((_, position, all) => all[(position + i) % all.length]);
      for (const variant of order) {
        up(at, variant);
        requestsPerSecond(at, SECONDS);
        runs[variant].push(requestsPerSecond(at, SECONDS));
      }
      console.error(JSON.stringify(Object.fromEntries(Object.entries(runs).map(([name, all]) => [name, all.at(-1)]))));
    }
    const cost = (of, than) => 100 * (1 - median(runs[of].map((value, i) => value / runs[than][i])));
    const detail = (...names) => ({
      unit: '% of requests/s',
      perSecond: Object.fromEntries(names.map((name) => [name, runs[name].map(Math.round)])),
    });
    figures.lightCost = atMost(3, cost('light', 'off'), detail('off', 'light'));
    figures.logsCost = atMost(3, cost('logs', 'light'), detail('light', 'logs'));
    up(at, 'logs');
    const shares = await idle(at);
    figures.lightIdle = atMost(3, shares.watching, { unit: '% of one core', agent: round(shares.agent), services: shares.services });
  } finally {
    at.remove();
  }
  return figures;
}

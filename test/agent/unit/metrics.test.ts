import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ListedContainer } from '../../../src/agent/engine-client.ts';
import { containerReader, type ReaderEffects } from '../../../src/agent/metrics/containers.ts';
import { agentMetrics } from '../../../src/agent/metrics/plan/agent-metrics.ts';
import { containerMetrics, type RawStats, usageOf } from '../../../src/agent/metrics/plan/container-metrics.ts';
import { serveMetrics } from '../../../src/agent/metrics/serve.ts';
import { countUp, newTally, noteHold, timed } from '../../../src/agent/metrics/tally.ts';
import { metricsText } from '../../../src/core/metrics-text.ts';

const MIB = 1024 ** 2;
const STATS: RawStats = {
  cpu_stats: { cpu_usage: { total_usage: 2_500_000_000 } },
  memory_stats: { usage: 60 * MIB, limit: 128 * MIB, stats: { inactive_file: 10 * MIB } },
  pids_stats: { current: 7 },
  networks: { eth0: { rx_bytes: 1, tx_bytes: 10 }, eth1: { rx_bytes: 2, tx_bytes: 20 } },
};

describe('what the engine says of a container', () => {
  it('is memory without what can be dropped, in both versions of cgroups', () => {
    expect(usageOf(STATS)).toEqual({
      memoryBytes: 50 * MIB,
      memoryLimitBytes: 128 * MIB,
      cpuSeconds: 2.5,
      pids: 7,
      receivedBytes: 3,
      sentBytes: 30,
    });
    const first = { usage: 60 * MIB, limit: 128 * MIB, stats: { total_inactive_file: 20 * MIB, inactive_file: 1 } };
    expect(usageOf({ ...STATS, memory_stats: first }).memoryBytes).toBe(40 * MIB);
  });

  it('is left out where it is not said, and never taken for 0', () => {
    const bare = usageOf({ memory_stats: {}, pids_stats: {} });
    expect(Object.values(bare).filter((value) => value !== undefined)).toEqual([]);
    const text = metricsText(
      containerMetrics([{ service: 'a', state: 'exited', health: 'none', restarts: 2, startedAt: 100, usage: undefined }], { a: 1 }),
    );
    expect(text.split('\n').filter((line) => line && !line.startsWith('#'))).toEqual([
      'medianest_container_running{service="a"} 0',
      'medianest_container_start_time_seconds{service="a"} 100',
      'medianest_container_restarts_total{service="a"} 2',
      'medianest_container_oom_kills_total{service="a"} 1',
    ]);
  });

  it('has one label: the service', () => {
    const reading = { service: 'a', state: 'running', health: 'healthy', restarts: 0, startedAt: 1, usage: usageOf(STATS) } as const;
    const series = metricsText(containerMetrics([reading], {}))
      .split('\n')
      .filter((line) => line && !line.startsWith('#'));
    expect(series).toHaveLength(11);
    for (const line of series) expect(line).toMatch(/^medianest_container_\w+\{service="a"\} [\d.]+$/);
  });
});

describe('what the agent says of itself', () => {
  it('counts what it did, and how often it was held back', () => {
    const tally = newTally();
    countUp(tally.actions, 'start');
    countUp(tally.healed, 'app-1');
    for (const held of [true, true, false, true]) noteHold(tally, held);
    tally.loops.healing = { seconds: 0.25, endedAt: 1000, failures: 3 };
    const text = metricsText(agentMetrics(tally, { healing: 'act', services: ['app-1', 'edge'], readAt: undefined }));
    for (const line of [
      'medianest_agent_actions_total{action="start"} 1',
      'medianest_agent_actions_total{action="restart"} 0',
      'medianest_agent_healed_total{service="app-1"} 1',
      'medianest_agent_healed_total{service="edge"} 0',
      'medianest_agent_healing{mode="act"} 1',
      'medianest_agent_held 1',
      'medianest_agent_holds_total 2',
      'medianest_agent_loop_seconds{loop="healing"} 0.25',
      'medianest_agent_loop_failures_total{loop="healing"} 3',
    ])
      expect(text).toContain(`${line}\n`);
    expect(text).not.toContain('containers_timestamp');
  });
});

it('a loop that fails keeps the time of its last good round, and one that never had one that of its first', async () => {
  const tally = newTally();
  let clock = 0;
  const round = (takes: number, error?: Error) =>
    timed(
      tally,
      'fencer',
      () => clock,
      async () => {
        clock += takes;
        if (error) throw error;
      },
    ).catch((thrown: Error) => thrown.message);
  clock = 1_000;
  for (let index = 0; index < 2; index++) expect(await round(500, new Error('etcd is away'))).toBe('etcd is away');
  expect(tally.loops.fencer).toEqual({ endedAt: 1, seconds: 0, failures: 2 });
  await round(250);
  expect(tally.loops.fencer).toEqual({ endedAt: 2.25, seconds: 0.25, failures: 2 });
  await round(5_000, new Error('etcd is away'));
  expect(tally.loops.fencer).toEqual({ endedAt: 2.25, seconds: 0.25, failures: 3 });
});

describe('reading the containers', () => {
  afterEach(() => vi.useRealTimers());
  const CONTAINERS = Array.from({ length: 10 }, (_, index) => `p-s${index}-1`);
  const listed = (container: string): ListedContainer => ({ container, state: 'running', exitCode: undefined, health: 'none' });
  const services = new Map(CONTAINERS.map((container) => [container, container.slice(2, 4)]));
  const hangs = () => new Promise<never>(() => {});

  function reader(engine: Partial<ReaderEffects['engine']> = {}) {
    let failures = 0;
    let [open, most, asked] = [0, 0, 0];
    const counted = async <T>(value: T): Promise<T> => {
      most = Math.max(most, ++open);
      asked++;
      await Promise.resolve();
      open--;
      return value;
    };
    const effects = {
      list: async () => [...CONTAINERS, 'p-strange-1'].map(listed),
      lifeOf: () => counted({ restarts: 0, startedAt: 1 }),
      stats: () => counted(STATS),
      ...engine,
    };
    const read = containerReader({ engine: effects, services, failed: () => failures++, now: () => Date.now() });
    return { read, effects, seen: () => ({ failures, most, asked }) };
  }

  it('asks few at once, of those it knows alone, and not again within seconds', async () => {
    vi.useFakeTimers();
    const { read, seen } = reader();
    const first = await read();
    expect(first.readings.map(({ service }) => service).sort()).toEqual([...services.values()]);
    expect(first.readAt).toBe(Date.now());
    expect(seen()).toEqual({ failures: 0, most: 4, asked: 20 });
    await Promise.all([read(), read()]);
    expect(seen().asked).toBe(20);
    vi.advanceTimersByTime(4_000);
    await Promise.all([read(), read()]);
    expect(seen().asked).toBe(40);
  });

  it('waits three seconds for an engine that hangs, then gives what it knew, for two minutes', async () => {
    vi.useFakeTimers();
    const { read, effects, seen } = reader();
    const before = await read();
    effects.stats = hangs;
    vi.advanceTimersByTime(5_000);
    const scrape = read();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await scrape).toEqual(before);
    // The round is still the one: no question more is asked, however often it is scraped.
    const { asked } = seen();
    for (let index = 0; index < 5; index++) {
      const again = read();
      await vi.advanceTimersByTimeAsync(3_000);
      expect((await again).readings).toHaveLength(10);
    }
    expect(seen().asked).toBe(asked);
    await vi.advanceTimersByTimeAsync(120_000);
    const late = read();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await late).toEqual({ readings: [], readAt: before.readAt });
  });

  it('counts what failed, keeps its last values, and forgets what is gone', async () => {
    vi.useFakeTimers();
    const { read, effects, seen } = reader();
    const { readAt } = await read();
    const { lifeOf } = effects;
    effects.lifeOf = (container) =>
      container === 'p-s1-1'
        ? Promise.reject(new Error('the engine did not answer'))
        : container === 'p-s2-1'
          ? Promise.reject(Object.assign(new Error('gone'), { status: 404 }))
          : lifeOf(container);
    vi.advanceTimersByTime(5_000);
    const after = await read();
    expect(seen().failures).toBe(1);
    expect(after.readings.map(({ service }) => service)).toContain('s1');
    expect(after.readings.map(({ service }) => service)).not.toContain('s2');
    expect(after.readAt).toBe(readAt);
    effects.list = () => Promise.reject(new Error('away'));
    vi.advanceTimersByTime(5_000);
    expect((await read()).readings).toHaveLength(9);
    expect(seen().failures).toBe(2);
  });
});

describe('the address for Prometheus', () => {
  async function serving(caller: string, text = async () => 'x 1\n', port = 0) {
    const [told, stop] = [[] as string[], new AbortController()];
    const ended = serveMetrics({ host: '127.0.0.1', port, caller, also: [] }, text, (what) => told.push(what), stop.signal);
    await sleep(100);
    const end = (): Promise<void> => {
      stop.abort();
      return ended;
    };
    return { told, end };
  }
  const ask = (port: number, path: string, method = 'GET') =>
    new Promise<string>((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, path, method }, (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve(`${response.statusCode} ${body}`.trim()));
      });
      request.on('error', reject).end();
    });
  const free = () =>
    new Promise<number>((resolve) => {
      const server = http.createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });

  it('answers one caller, one path and one method', async () => {
    const port = await free();
    const { end } = await serving('127.0.0.1', undefined, port);
    expect(await ask(port, '/metrics')).toBe('200 x 1');
    expect(await ask(port, '/')).toMatch(/^404/);
    expect(await ask(port, '/metrics', 'POST')).toMatch(/^404/);
    await end();
    await expect(ask(port, '/metrics')).rejects.toThrow();
  });

  it('refuses any other', async () => {
    const port = await free();
    const { end } = await serving('10.30.0.80', undefined, port);
    expect(await ask(port, '/metrics')).toMatch(/^403/);
    await end();
  });

  it('goes on without it where the port is taken, and says so', async () => {
    const taken = http.createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    const { told, end } = await serving('127.0.0.1', undefined, port);
    expect(told.join()).toContain('EADDRINUSE');
    await end();
    taken.close();
  });
});

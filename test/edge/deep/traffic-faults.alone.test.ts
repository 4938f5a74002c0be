import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { checkWrites, kinds, type LoadReport, loadOn, under } from '../../support/load/load.ts';
import { askReplica, container, destroyProd, inspect, kill, prodStack, unexcused } from '../../support/load/load-stack.ts';
import { containers, portal, until } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

let space: Workspace;

const healthy = (service: string) => async () => (await inspect(space, service, '{{.State.Health.Status}}')) === 'healthy';
/** What the balancer says of a replica. */
async function atBalancer(service: string): Promise<string> {
  const { stdout } = await docker(['exec', container(space, 'balancer'), 'backend', 'stats']);
  return (
    stdout
      .split('\n')
      .find((line) => line.startsWith(`app,${service},`))
      ?.split(',')[17] ?? ''
  );
}
const allHealthy = async () => (await containers(space.project)).every(({ state, health }) => state === 'running' && health === 'healthy');

/** No acknowledged write is missing, and none is there twice. */
async function writesAreThere(report: LoadReport): Promise<void> {
  expect(Object.keys(report.acknowledged).length).toBeGreaterThan(0);
  expect(await checkWrites(space, report)).toMatchObject({ lost: [], doubled: [] });
}

beforeAll(async () => {
  space = await prodStack('traffic', { replicas: 3 });
});
afterAll(() => destroyProd(space));
beforeEach(() => until('the whole stack is healthy', allHealthy, 90));

describe('a replica under load', () => {
  test('that is killed costs nothing but the writes it was working on, and comes back by itself', async () => {
    const { result: died, report } = await under(await loadOn(space), async () => {
      const at = await kill(space, 'app-2');
      await sleep(2000);
      await until('app-2 is back', healthy('app-2'), 30);
      await sleep(1000);
      return at;
    });
    expect(kinds(unexcused(report, died))).toEqual({});
    await writesAreThere(report);
  });

  test('that hangs is taken out of service', async () => {
    const { result: hung, report } = await under(await loadOn(space), async () => {
      await askReplica(space, 'app-2', '/fault/hang');
      await until('the balancer has noticed', async () => (await atBalancer('app-2')).startsWith('DOWN'), 30);
      return new Date().toISOString();
    });
    expect(kinds(unexcused(report, hung))).toEqual({});
    await writesAreThere(report);
    await docker(['restart', '--time', '0', container(space, 'app-2')]);
  });

  test('that has become slow gets less to do, and nothing fails', async () => {
    const { report } = await under(await loadOn(space), async () => {
      await askReplica(space, 'app-2', '/fault/slow-from-now?ms=1500');
      await sleep(10_000);
    });
    expect(kinds(report.failures)).toEqual({});
    // A third would have met it if turns were taken.
    expect(report.get.p90).toBeLessThan(1000);
    await docker(['restart', '--time', '0', container(space, 'app-2')]);
  });

  test('that leaks is killed at its memory limit, restarted and back in service', async () => {
    const { result: died, report } = await under(await loadOn(space), async () => {
      const started = await inspect(space, 'app-3', '{{.State.StartedAt}}');
      await askReplica(space, 'app-3', '/fault/leak');
      await until('app-3 was restarted', async () => (await inspect(space, 'app-3', '{{.State.StartedAt}}')) !== started, 60);
      const at = await inspect(space, 'app-3', '{{.State.FinishedAt}}');
      await until('app-3 is back', healthy('app-3'), 30);
      await sleep(1000);
      return at;
    });
    expect(kinds(unexcused(report, died))).toEqual({});
    await writesAreThere(report);
  });
});

describe('a proxy under load', () => {
  test('a killed balancer costs only the writes under way: the edge asks the replicas itself until it is back', async () => {
    const { result: died, report } = await under(await loadOn(space), async () => {
      const at = await kill(space, 'balancer');
      await until('the balancer is back', healthy('balancer'), 30);
      await sleep(2000);
      return at;
    });
    expect(kinds(unexcused(report, died))).toEqual({});
    await writesAreThere(report);
  });

  test('a balancer that stays away is not needed', async () => {
    const { result: stopped, report } = await under(await loadOn(space), async () => {
      await docker(['stop', container(space, 'balancer')]);
      const at = new Date().toISOString();
      await sleep(6000);
      return at;
    });
    await docker(['start', container(space, 'balancer')]);
    expect(kinds(unexcused(report, stopped))).toEqual({});
    await writesAreThere(report);
  });

  test('a killed edge comes back by itself within 3 s, and nothing that was acknowledged is lost', async () => {
    const { report } = await under(await loadOn(space), async () => {
      await kill(space, 'edge');
      await sleep(6000);
    });
    expect(report.failed).toBeGreaterThan(0);
    expect(Math.min(report.get.longestGapMs, report.post.longestGapMs)).toBeLessThan(3000);
    await writesAreThere(report);
    expect((await portal(space, '/api/health/ready')).status).toBe(200);
  });
});

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { RunOutcome } from '../../../src/autoscale/plan/run-text.ts';
import type { AutoscaleState } from '../../../src/autoscale/plan/state.ts';
import type { AutoscaleView } from '../../../src/autoscale/plan/status.ts';
import type { Overrides } from '../../../src/stack/overrides.ts';
import type { AuditEntry } from '../../../src/state/audit.ts';
import { acquireLock } from '../../../src/state/lock.ts';
import { docker } from '../../support/cli.ts';
import { kinds, type Load, type LoadReport, loadOn } from '../../support/load/load.ts';
import { configureProd, container, destroyProd, ONE_SERVER_EACH, prodStack, said } from '../../support/load/load-stack.ts';
import { audit, containers, parsed, until } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

/** Replicas follow a load of requests of two seconds each, which cost two cores little. */
let space: Workspace;

const MOST = 20;
const TARGET = 5;
const APP = { replicas: 2, maxReplicas: MOST, settleSeconds: 1, memory: '160m', cpus: 1 };
/** Other tests may use the processors of this host. */
const AUTOSCALE = { min: 2, max: MOST, inFlight: TARGET, upSeconds: 10, downSeconds: 30, hostPressure: 100 };
const SLOW_SECONDS = 2;

const configure = (app: object = {}) => configureProd(space, { ...APP, autoscale: AUTOSCALE, ...app }, ONE_SERVER_EACH);
const replicas = async () => (await containers(space.project)).filter(({ service }) => /^app-\d+$/.test(service)).length;
const status = async () => parsed<AutoscaleView>(await space.run(['autoscale', 'status', '--json']));
/** The same from its files: to start the program again and again would take one of two cores. */
function glance(): { wanted: number; ready: number } {
  const read = <T>(...file: string[]) => JSON.parse(readFileSync(path.join(space.state, ...file), 'utf8')) as T;
  const { replicas: scaled } = read<Overrides>('orders.json');
  return { wanted: scaled?.count ?? APP.replicas, ready: read<AutoscaleState>('autoscale', 'state.json').samples.at(-1)?.ready ?? 0 };
}
const runFor = async (seconds: number) => parsed<RunOutcome>(await space.run(['autoscale', 'run', '--for', String(seconds), '--json']));
const fresh = () => space.run(['autoscale', 'resume']);

let loads: Load[] = [];
/** So many more requests in flight. */
async function more(inFlight: number): Promise<void> {
  loads.push(await loadOn(space, { rate: inFlight / SLOW_SECONDS, paths: [`/fault/slow?seconds=${SLOW_SECONDS}`], postEvery: 0 }));
}
async function less(): Promise<LoadReport> {
  const load = loads.pop() as Load;
  const report = await load.stop();
  expect(kinds(report.failures)).toEqual({});
  expect(report.failed).toBe(0);
  return report;
}
const noLoad = async () => {
  while (loads.length > 0) await less();
};

beforeAll(async () => {
  space = await prodStack('scaled', APP, ONE_SERVER_EACH);
  configure();
}, 600_000);
afterEach(async () => {
  for (const load of loads) load.kill();
  loads = [];
});
afterAll(() => destroyProd(space));

describe('autoscaling', () => {
  test('is asked for by health while nothing runs it', async () => {
    expect(said(await space.run(['health']))).toMatch(/autoscaling has not run yet/);
    expect(said(await space.run(['jobs', 'list']))).toMatch(/^autoscale /m);
    expect(await status()).toMatchObject({ state: 'not running', replicas: 2, min: 2, max: MOST });
  });

  test('runs once at a time, and waits for no lock of another command', async () => {
    const [first, second] = await Promise.all([runFor(12), sleep(4000).then(() => runFor(5))]);
    expect([first.busy, first.actions, first.samples > 1]).toEqual([false, [], true]);
    expect(second).toMatchObject({ busy: true, samples: 0 });
    await more(24);
    const lock = await acquireLock(path.join(space.state, 'lock'), 'a deploy', 0, new AbortController().signal, () => {});
    const { actions } = await runFor(20).finally(() => lock.release());
    expect(actions[0]).toMatchObject({ from: 2, result: 'refused', message: expect.stringContaining('`a deploy`') });
    expect([await replicas(), (await status()).over?.why]).toEqual([2, expect.stringContaining('another medianest is at work here')]);
    await noLoad();
  });

  test('does not apply what was edited and not brought up', async () => {
    configure({ memory: '192m' });
    await more(24);
    const { actions } = await runFor(25);
    expect(actions[0]).toMatchObject({ result: 'refused', message: expect.stringMatching(/app-1: recreate.*nothing was changed/s) });
    expect(await replicas()).toBe(2);
    await noLoad();
    configure();
  });

  test('measures processor time and how long answers take', async () => {
    configure({ autoscale: { ...AUTOSCALE, inFlight: 50, cpuPercent: 90, latencyMs: 60_000 } });
    await more(24);
    const { actions } = await runFor(30);
    const { load } = await status();
    expect(actions).toEqual([]);
    expect(load?.latencyMs).toBeGreaterThan(SLOW_SECONDS * 900);
    expect(load?.latencyMs).toBeLessThan(SLOW_SECONDS * 1500);
    expect(load?.cpuPercent).toBeGreaterThan(0);
    expect(load?.cpuPercent).toBeLessThan(200);
    await noLoad();
    configure();
  });

  test('leaves what a person has scaled to, for an hour or until `resume`', async () => {
    const scaled = await space.run(['scale', 'app=3']);
    expect([scaled.status, said(scaled)]).toEqual([
      0,
      expect.stringMatching(/autoscaling is paused at 3 replicas by \S+ until .*autoscale resume/),
    ]);
    await more(30);
    expect((await runFor(20)).actions).toEqual([]);
    expect(await status()).toMatchObject({ state: 'paused', replicas: 3, over: { why: expect.stringContaining('paused at 3 replicas') } });
    expect(said(await space.run(['status']))).toMatch(/autoscaling is paused at 3 replicas/);
    expect(await fresh()).toMatchObject({ status: 0, stdout: expect.stringContaining('autoscaling continues') });
    await noLoad();
    expect((await space.run(['scale', 'app=2'])).status).toBe(0);
    await fresh();
  });

  test('that is killed while it adds replicas completes that in the next run, without a failed request', async () => {
    await more(24);
    let child: ChildProcess | undefined;
    const killed = space.run(['autoscale', 'run', '--for', '120'], { onSpawn: (spawned) => (child = spawned) });
    await until('a new replica is there', async () => (await replicas()) > 2, 120);
    child?.kill('SIGKILL');
    expect((await killed).status).toBeNull();
    const begun = (await status()).replicas;
    expect(begun).toBeGreaterThan(2);
    const { actions } = await runFor(10);
    expect(actions[0]).toMatchObject({ from: 2, to: begun, result: 'done' });
    await space.run(['autoscale', 'pause']);
    await runFor(6);
    expect(await status()).toMatchObject({ replicas: begun, ready: begun });
    await fresh();
    expect((await space.run(['plan'])).status).toBe(0);
    await noLoad();
  });

  test('cannot tell the load of a balancer that does not answer, and removes nothing', async () => {
    const before = await replicas();
    expect(before).toBeGreaterThan(2);
    expect((await docker(['pause', container(space, 'balancer')])).status).toBe(0);
    try {
      const { actions, decision } = await runFor(45);
      expect([actions, decision]).toEqual([[], expect.stringMatching(/not known/)]);
    } finally {
      await docker(['unpause', container(space, 'balancer')]);
    }
    expect(await replicas()).toBe(before);
  });
});

describe('under a load that climbs and falls', () => {
  test(`it goes from 2 replicas to ${MOST} and back as a job: no request fails, and the direction turns once`, async () => {
    const first = audit(space).length;
    expect((await space.run(['scale', 'app=2'])).status).toBe(0);
    await fresh();
    let watching: ChildProcess | undefined;
    const watched = space.run(['jobs', 'watch'], { onSpawn: (child) => (watching = child) });
    const seen: string[] = [];
    const reports: LoadReport[] = [];
    const began = Date.now();
    const reaches = async (count: number, seconds: number) => {
      for (const end = Date.now() + seconds * 1000; ; await sleep(2000)) {
        const { wanted, ready } = glance();
        const now = `${ready}/${wanted}`;
        if (!seen.at(-1)?.endsWith(` ${now}`)) seen.push(`${Math.round((Date.now() - began) / 1000)} s: ${now}`);
        if (wanted === count && ready === count) return;
        if (Date.now() > end) throw new Error(`not ${count} replicas within ${seconds} s: ${seen.join(', ')}`);
      }
    };
    try {
      await more(8);
      for (let step = 0; step < 7; step++) {
        await sleep(10_000);
        await more(16);
      }
      await reaches(MOST, 600);
      await sleep(10_000);
      while (loads.length > 0) {
        reports.push(await (loads.pop() as Load).stop());
        await sleep(10_000);
      }
      await reaches(2, 900);
    } finally {
      watching?.kill('SIGINT');
      await watched;
    }
    const changes = (audit(space) as AuditEntry[]).slice(first).filter(({ command }) => command.startsWith('medianest autoscale app='));
    expect(changes.every(({ reason, result }) => result === 'done' && /^\d+ -> \d+: .*in flight on each of/.test(reason ?? ''))).toBe(true);
    const ways = changes.map(({ reason = '' }) => {
      const [from = 0, to = 0] = (/^(\d+) -> (\d+)/.exec(reason) ?? []).slice(1).map(Number);
      return Math.sign(to - from);
    });
    const requests = reports.reduce((sum, { sent }) => sum + sent, 0);
    console.info(
      [...changes.map(({ time, reason, seconds }) => `${time} ${reason} (${seconds} s)`), seen.join(', '), `${requests} requests`].join(
        '\n',
      ),
    );
    expect(reports.map(({ failures }) => kinds(failures))).toEqual(reports.map(() => ({})));
    expect(ways.filter((way, index) => index > 0 && way !== ways[index - 1])).toEqual([-1]);
    expect((await space.run(['plan'])).status).toBe(0);
  }, 2_400_000);
});

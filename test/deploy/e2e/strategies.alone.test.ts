import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Run } from '../../support/cli.ts';
import { badApp } from '../../support/load/bad-apps.ts';
import { kinds, type LoadReport, loadOn, under } from '../../support/load/load.ts';
import { configureProd, destroyProd, ONE_SERVER_EACH, prodStack, said, versionOf } from '../../support/load/load-stack.ts';
import { audit, containers, identities, parsed } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

/** How another release takes the place of the one that serves (`app.strategy`), and what has it rolled back by itself. */
let space: Workspace;

interface Deployed {
  result: string;
  outageSeconds?: number;
  switchedSeconds?: number;
  restorePoint?: string;
  watched?: { fresh: { requests: number; errors: number } };
  migratedSince?: { releases: string[]; restorePoint: string; command: string };
  kept?: { release: string };
  error?: { message: string; hint: string };
}

const RATE = 20;
/** A migration that does nothing; a restore point before each would cost every test of the others a backup. */
const MIGRATES = { migrate: ['node', '-e', '0'], restorePoint: false };
const APP = { replicas: 2, settleSeconds: 1, strategy: 'blue-green', smoke: { paths: ['/api/health/ready', '/'] }, ...MIGRATES };
const WITH_BACKUPS = { components: { ...ONE_SERVER_EACH.components, backup: true } };
const configure = (app: Record<string, unknown>) => configureProd(space, { ...APP, ...app }, WITH_BACKUPS);

const replicas = async () =>
  (await containers(space.project)).filter(({ service }) => service.startsWith('app-')).map(({ service }) => service);
const versions = async () => Promise.all((await replicas()).map((service) => versionOf(space, service)));

async function loaded<T>(act: () => Promise<T>): Promise<{ result: T; report: LoadReport }> {
  return under(await loadOn(space, { rate: RATE }), async () => {
    const done = await act();
    await sleep(500);
    return done;
  });
}

async function undisturbed(act: () => Promise<Run>): Promise<Run> {
  const { result, report } = await loaded(act);
  expect(kinds(report.failures)).toEqual({});
  return result;
}

const deploy = (...args: string[]) => space.run(['deploy', '--json', '--timeout', '60', ...args]);

/** Nothing is left to do. */
async function settled(): Promise<void> {
  const plan = await space.run(['plan']);
  expect(plan.status, said(plan)).toBe(0);
}

/** Killed as soon as it has said this. */
async function killedAt(word: RegExp, args: readonly string[]): Promise<void> {
  let killed = false;
  let seen = '';
  await space.run(args, {
    onSpawn: (child) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        seen += chunk;
        if (!killed && word.test(seen)) killed = child.kill('SIGKILL');
      });
    },
  });
  expect(killed, seen).toBe(true);
}

beforeAll(async () => {
  space = await prodStack('strategies', APP, WITH_BACKUPS);
}, 400_000);
afterAll(() => destroyProd(space));

test('the first `up` migrates, and needs no restore point where there was no data', async () => {
  const { releases } = parsed<{ releases: { migrated?: boolean; restorePoint?: string }[] }>(await space.run(['releases', '--json']));
  expect(releases.map(({ migrated, restorePoint }) => [migrated, restorePoint])).toEqual([[true, undefined]]);
});

describe('blue-green', () => {
  test('starts all new replicas beside the old ones, switches without a failed request, and keeps the old ones', async () => {
    const before = await identities(space.project);
    const run = await undisturbed(() => deploy('--image', badApp('good-2')));
    expect(run.status, said(run)).toBe(0);
    expect(parsed<Deployed>(run)).toMatchObject({ result: 'deployed', kept: { release: expect.any(String) } });
    expect((await replicas()).sort()).toEqual(['app-1', 'app-2', 'app-6', 'app-7']);
    const after = await identities(space.project);
    expect([after['app-1'], after['app-2'], after.balancer, after.edge]).toEqual([
      before['app-1'],
      before['app-2'],
      before.balancer,
      before.edge,
    ]);
    await settled();
    expect(said(await space.run(['status']))).toContain('still run');
  });

  test('a rollback is there within 2 s, and no request fails', async () => {
    const before = await identities(space.project);
    const run = await undisturbed(() => space.run(['rollback', '--json']));
    expect(run.status, said(run)).toBe(0);
    expect(parsed<Deployed>(run).switchedSeconds).toBeLessThan(2);
    expect((await replicas()).sort()).toEqual(['app-1', 'app-2']);
    expect(await versions()).toEqual(['good', 'good']);
    const after = await identities(space.project);
    expect([after['app-1'], after['app-2']]).toEqual([before['app-1'], before['app-2']]);
    await settled();
  });

  test('a release that answers one request of ten with 500 is rolled back while it is watched', async () => {
    configure({ watchSeconds: 30 });
    const { result: run, report } = await loaded(() => deploy('--image', badApp('errs')));
    expect(run.status).toBe(1);
    expect(parsed<Deployed>(run)).toMatchObject({ result: 'reverted', error: { message: expect.stringMatching(/too many errors/) } });
    expect(audit(space).at(-1)).toMatchObject({ result: 'failed', reason: expect.stringMatching(/too many errors .*before: /) });
    expect((await replicas()).sort()).toEqual(['app-1', 'app-2']);
    expect(await versions()).toEqual(['good', 'good']);
    // Only what that release has answered.
    expect(Object.keys(kinds(report.failures)).every((kind) => kind.includes('500'))).toBe(true);
    await settled();
  });

  test('a deploy that is killed while it is watched is undone by the next `up`, without a failed request', async () => {
    const run = await undisturbed(async () => {
      await killedAt(/watch r\d+/, ['deploy', '--image', badApp('good-2'), '--verbose']);
      return space.run(['up']);
    });
    expect(run.status, said(run)).toBe(0);
    expect(said(run)).not.toContain('run app-migrate');
    expect((await replicas()).sort()).toEqual(['app-1', 'app-2']);
    expect(await versions()).toEqual(['good', 'good']);
    await settled();
  });
});

test.each([
  ['asks for a page', { paths: ['/fault/slow?seconds=60'] }],
  ['runs a program', { paths: ['/'], command: ['sleep', '60'] }],
])('a smoke test that %s and hangs ends the deploy at its time limit, before the first visitor', async (_what, smoke) => {
  configure({ strategy: 'rolling', smoke: { ...smoke, seconds: 3 } });
  const before = await identities(space.project);
  const run = await undisturbed(() => deploy('--image', badApp('good-2')));
  expect(run.status).toBe(1);
  expect(parsed<Deployed>(run).error?.message).toMatch(/app-1 fails its smoke test .* within 3 s/);
  expect((await identities(space.project))['app-2']).toBe(before['app-2']);
  expect(await versions()).toEqual(['good', 'good']);
});

test('recreate stops all old replicas first: visitors get a page with 503, and the outage is told', async () => {
  configure({ strategy: 'recreate' });
  // The edge knows the replicas of one set only from now on.
  expect((await space.run(['up'])).status).toBe(0);
  const { result: run, report } = await loaded(() => deploy('--image', badApp('good-2')));
  expect(run.status, said(run)).toBe(0);
  const { outageSeconds = 0 } = parsed<Deployed>(run);
  expect(outageSeconds).toBeGreaterThan(0);
  expect(Math.abs(report.get.longestGapMs / 1000 - outageSeconds)).toBeLessThan(3);
  expect(Object.keys(kinds(report.failures)).every((kind) => kind.includes('503'))).toBe(true);
  expect(await versions()).toEqual(['good-2', 'good-2']);
  await settled();
  await killedAt(/start and wait until healthy/, ['deploy', '--image', badApp('good'), '--verbose']);
  expect((await space.run(['up'])).status).toBe(0);
  expect(await versions()).toEqual(['good-2', 'good-2']);
});

test('a migration has a restore point: named where it fails half-way, and offered by the rollback after it', async () => {
  const half = "const fs=require('node:fs');process.exitCode=Number(fs.existsSync('/srv/uploads'))";
  // The deploy that was killed has migrated too, and without a restore point: what is compared begins after it.
  configure({ strategy: 'rolling' });
  expect((await deploy('--image', badApp('good-2'))).status).toBe(0);
  configure({ strategy: 'rolling', migrate: ['node', '-e', half], restorePoint: true });
  const failed = await undisturbed(() => deploy('--image', badApp('good')));
  expect(failed.status).toBe(1);
  const { restorePoint, error, result } = parsed<Deployed>(failed);
  expect([result, restorePoint]).toEqual(['reverted', expect.any(String)]);
  expect(error?.hint).toContain(`medianest restore ${restorePoint} --only db`);
  expect(await versions()).toEqual(['good-2', 'good-2']);
  configure({ strategy: 'rolling', restorePoint: true });
  const deployed = await deploy('--image', badApp('good'));
  expect(deployed.status, said(deployed)).toBe(0);
  const point = parsed<Deployed>(deployed).restorePoint;
  const back = await space.run(['rollback', '--json', '--dry-run']);
  expect(parsed<Deployed>(back).migratedSince).toMatchObject({ restorePoint, command: `medianest restore ${restorePoint} --only db` });
  expect(back.stderr).toContain('was migrated since');
  const sets = parsed<{ backups: { id: string; note?: string }[] }>(await space.run(['backup', 'list', '--json'])).backups;
  expect(
    sets
      .filter(({ note }) => note === 'before app-migrate')
      .map(({ id }) => id)
      .sort(),
  ).toEqual([restorePoint, point].sort());
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { badApp } from '../../support/load/bad-apps.ts';
import { kinds, loadOn, under } from '../../support/load/load.ts';
import { configureProd, container, destroyProd, ONE_SERVER_EACH, prodStack, said, versionOf } from '../../support/load/load-stack.ts';
import { identities, portal, ready, until } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

/** What the balancer asks a replica is what that replica answers. */
let space: Workspace;

const APP = { replicas: 2, settleSeconds: 2 };
/**
 * Requests a second, each on a connection of its own: the edge reloads too, and nginx 1.26 then closes idle connections, one of which a
 * request may just be using. This is about which replica is asked what.
 */
const RATE = 20;
const configure = (app: Record<string, unknown>) => configureProd(space, app, ONE_SERVER_EACH);

beforeAll(async () => {
  space = await prodStack('ready', APP, ONE_SERVER_EACH);
}, 400_000);
afterAll(() => destroyProd(space));

/** @returns the run, under whose load no request has failed */
const undisturbed = async (act: () => Promise<Run>): Promise<Run> => {
  const { result, report } = await under(await loadOn(space, { rate: RATE, fresh: true }), async () => {
    const run = await act();
    await sleep(1000);
    return run;
  });
  expect(kinds(report.failures)).toEqual({});
  return result;
};

describe('another path that the balancer asks', () => {
  const versions = async () => [await versionOf(space, 'app-1'), await versionOf(space, 'app-2')];

  test('and that no replica answers takes one of them out, however often it is tried', async () => {
    const before = await identities(space.project);
    configure({ ...APP, readyPath: '/nowhere' });
    for (let tries = 0; tries < 2; tries++) {
      const up = await undisturbed(() => space.run(['up', '--timeout', '20']));
      expect(up.status).not.toBe(0);
      expect(said(up)).toMatch(/app-1 stays drained/);
      expect(said(up)).toMatch(/app-2 still serves/);
      expect((await identities(space.project))['app-2']).toBe(before['app-2']);
    }
    // A balancer that starts again asks the one that serves for what it answers.
    expect((await docker(['restart', container(space, 'balancer')])).status).toBe(0);
    await ready(portal, space);
    configure(APP);
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect((await space.run(['plan'])).status).toBe(0);
  });

  test('comes with a version that answers it alone, and goes with it: no request fails', async () => {
    configure({ ...APP, image: badApp('moved'), readyPath: '/ready' });
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect(await versions()).toEqual(['moved', 'moved']);
    expect((await docker(['restart', container(space, 'balancer')])).status).toBe(0);
    await until('the balancer sends requests again', async () => (await portal(space, '/')).status === 200, 30);
    configure(APP);
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect(await versions()).toEqual(['good', 'good']);
  });
});

describe('another way to speak to replicas', () => {
  const CHANGES = [
    ['plain HTTP', { ...APP, tls: false }],
    ['TLS', APP],
    ['another port', { ...APP, port: 3100 }],
    ['the port of before', APP],
  ] as const;

  test.each(CHANGES)(
    '(%s) comes to one after the other: no request fails, and neither edge nor balancer is replaced',
    async (_what, app) => {
      const before = await identities(space.project);
      configure(app);
      expect(said(await space.run(['plan']))).not.toMatch(/downtime/);
      expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
      const after = await identities(space.project);
      expect([after.edge, after.balancer]).toEqual([before.edge, before.balancer]);
      expect([after['app-1'] === before['app-1'], after['app-2'] === before['app-2']]).toEqual([false, false]);
      expect((await space.run(['plan'])).status).toBe(0);
      // What the balancer was told of each is in its configuration now.
      expect((await docker(['restart', container(space, 'balancer')])).status).toBe(0);
      await ready(portal, space);
    },
  );

  test('a balancer that starts again after a killed run is told of the replicas that are new already', async () => {
    const before = await identities(space.project);
    configure({ ...APP, tls: false, port: 3100, readyPath: '/api/health' });
    let killed = false;
    await space.run(['up', '--verbose'], {
      onSpawn: (child) => {
        let seen = '';
        child.stderr?.on('data', (chunk: Buffer) => {
          seen += chunk;
          if (!killed && /app-1.*app-2.*drain/s.test(seen)) killed = child.kill('SIGKILL');
        });
      },
    });
    expect(killed).toBe(true);
    const now = await identities(space.project);
    expect([now['app-1'] === before['app-1'], now['app-2'] === before['app-2']]).toEqual([false, true]);
    expect((await docker(['restart', container(space, 'balancer')])).status).toBe(0);
    await ready(portal, space);
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect((await space.run(['plan'])).status).toBe(0);
    configure(APP);
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
  });
});

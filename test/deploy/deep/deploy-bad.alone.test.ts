import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { type Behaviour, badApp } from '../../support/load/bad-apps.ts';
import { kinds, loadOn, under } from '../../support/load/load.ts';
import { configureProd, container, destroyProd, prodStack, said, versionOf } from '../../support/load/load-stack.ts';
import { audit, identities, parsed, portal, ready } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

interface Deployed {
  release: string;
  previous: string;
  replicas: number;
  result: 'deployed' | 'reverted';
  seconds: number;
}

let space: Workspace;

beforeAll(async () => {
  space = await prodStack('bad', { replicas: 2 });
});
afterAll(() => destroyProd(space));

describe('a deploy of an image that', () => {
  test.each<[string, Behaviour, RegExp]>([
    ['never listens', 'never-listens', /app-1/],
    ['listens on another port', 'wrong-port', /app-1/],
    ['exits at once', 'exits', /cannot start: this version is broken/],
    ['answers 500 on its health path', 'unhealthy', /app-1/],
    ['gets ready and then dies', 'dies', /app-1/],
  ])('%s is reverted, and no request fails', async (_what, behaviour, told) => {
    const before = await identities(space.project);
    const { result: deploy, report } = await under(await loadOn(space), async () => {
      const run = await space.run(['deploy', '--image', badApp(behaviour), '--timeout', '6', '--json']);
      await sleep(1000);
      return run;
    });
    expect(kinds(report.failures)).toEqual({});
    expect(deploy.status).toBe(1);
    expect(parsed<Deployed>(deploy)).toMatchObject({ result: 'reverted', release: expect.any(String), previous: expect.any(String) });
    expect(deploy.stderr).toMatch(told);
    expect([await versionOf(space, 'app-1'), await versionOf(space, 'app-2')]).toEqual(['good', 'good']);
    const after = await identities(space.project);
    expect({ ...after, 'app-1': '' }).toEqual({ ...before, 'app-1': '' });
    expect(audit(space).at(-1)?.result).toBeOneOf(['failed', 'reverted']);
    expect((await space.run(['plan'])).status).toBe(0);
  });
});

describe('another path that the balancer asks', () => {
  const APP = { replicas: 2, settleSeconds: 2 };
  const versions = async () => [await versionOf(space, 'app-1'), await versionOf(space, 'app-2')];
  /** @returns the runs, under whose load no request has failed */
  const undisturbed = async (act: () => Promise<Run>): Promise<Run> => {
    const { result, report } = await under(await loadOn(space), async () => {
      const run = await act();
      await sleep(1000);
      return run;
    });
    expect(kinds(report.failures)).toEqual({});
    return result;
  };

  test('and that no replica answers takes one of them out, however often it is tried', async () => {
    const before = await identities(space.project);
    configureProd(space, { ...APP, readyPath: '/nowhere' });
    for (let tries = 0; tries < 3; tries++) {
      const up = await undisturbed(() => space.run(['up', '--timeout', '6']));
      expect(up.status).not.toBe(0);
      expect(said(up)).toMatch(/app-1 stays drained/);
      expect(said(up)).toMatch(/app-2 still serves/);
      expect((await identities(space.project))['app-2']).toBe(before['app-2']);
    }
    // A balancer that starts again asks the one that serves for what it answers.
    expect((await docker(['restart', container(space, 'balancer')])).status).toBe(0);
    await ready(portal, space);
    configureProd(space, APP);
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect((await space.run(['plan'])).status).toBe(0);
  });

  test('comes with a version that answers it alone, and goes with it: no request fails', async () => {
    configureProd(space, { ...APP, image: badApp('moved'), readyPath: '/ready' });
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect(await versions()).toEqual(['moved', 'moved']);
    expect((await docker(['restart', container(space, 'balancer')])).status).toBe(0);
    await ready(portal, space);
    configureProd(space, APP);
    expect(await undisturbed(() => space.run(['up']))).toMatchObject({ status: 0 });
    expect(await versions()).toEqual(['good', 'good']);
  });

  test('a change to plain HTTP and back ends with replicas that serve', async () => {
    for (const tls of [false, true]) {
      configureProd(space, { ...APP, tls });
      expect(await space.run(['up'])).toMatchObject({ status: 0 });
      await ready(portal, space);
      expect((await space.run(['plan'])).status).toBe(0);
    }
  });
});

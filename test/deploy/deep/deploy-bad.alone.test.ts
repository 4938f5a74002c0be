import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Behaviour, badApp } from '../../support/load/bad-apps.ts';
import { kinds, loadOn, under } from '../../support/load/load.ts';
import { destroyProd, prodStack, versionOf } from '../../support/load/load-stack.ts';
import { audit, identities, parsed } from '../../support/stack.ts';
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

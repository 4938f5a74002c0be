import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { killContainer } from '../../support/data/faults.ts';
import { oldRedis } from '../../support/data/old-redis.ts';
import { leading, members, wholeCache, writing } from '../../support/data/plain-writer.ts';
import { container } from '../../support/load/load-stack.ts';
import { ask, portal, ready, titles, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/** A dying leader acknowledges before its follower has it: what its last milliseconds may cost. */
const LAST_MOMENT = 20;

describe('a cache beside sentinels', () => {
  let space: Workspace;

  beforeAll(async () => {
    space = await workspace('sentinel');
    space.configure({
      profile: 'dev-compose',
      components: { agent: true, 'engine-proxy': true },
      cache: { mode: 'sentinel', memory: '64m', databases: 4 },
    });
    const up = await space.run(['up']);
    expect({ status: up.status, stderr: up.stderr }).toMatchObject({ status: 0 });
    await ask(portal, space, 'Before the failover');
  });
  afterAll(() => space.destroy());

  test('is one leader and its follower, and the portal reaches it by one URL', async () => {
    await wholeCache(space);
    const states = await members(space);
    expect(states['cache-1']).toMatchObject({ role: 'leader', details: { sentinels: '3 of 3' } });
    expect(states['cache-2']).toMatchObject({ role: 'replica', details: { of: 'cache-1' } });
    expect(states['sentinel-3']).toEqual({ role: 'witness', ok: true, details: { watches: 'cache-1', others: 2 } });
    expect((await writing(space, 2)).acknowledged).toBeGreaterThan(100);
    expect((await space.run(['up'])).stdout).toContain('Nothing to do');
    const url = await docker(['exec', container(space, 'app-1'), 'cat', '/run/secrets/redis-url']);
    expect(url.stdout).toMatch(/^rediss:\/\/medianest:[^@]+@[\d.]+\.46:6379\/0$/);
  });

  test('fails over where its leader is killed, and the leader comes back as a follower', async () => {
    const leader = await leading(space);
    const { lost, longestGapMs } = await writing(space, 12, true, async () => {
      await killContainer(space, leader);
      await until('another leads', async () => (await leading(space).catch(() => leader)) !== leader, 20);
    });
    await wholeCache(space);
    expect((await members(space))[leader]).toMatchObject({ role: 'replica' });
    // Each of them was on both nodes before it counted. They wait for the follower, which the agent starts again.
    expect({ lost, missed: longestGapMs > 1000 }).toEqual({ lost: 0, missed: true });
    expect(await titles(portal, space)).toContain('Before the failover');
  });

  test('hands over before a planned restart, and loses no write', async () => {
    const leader = await leading(space);
    const { acknowledged, lost, longestGapMs } = await writing(space, 10, false, async () => {
      const restarted = await space.run(['restart', leader]);
      expect(restarted.status, restarted.stderr).toBe(0);
    });
    expect({ lost, inTime: longestGapMs < 6000 }, `${acknowledged} writes, ${longestGapMs} ms`).toEqual({ lost: 0, inTime: true });
    expect(await leading(space)).not.toBe(leader);
  });

  test('is led to again within seconds where its router is killed, with almost all that was acknowledged', async () => {
    const { lost, longestGapMs } = await writing(space, 10, false, () => killContainer(space, 'cache-router').then(() => undefined));
    expect(lost).toBeLessThan(LAST_MOMENT);
    expect(longestGapMs).toBeGreaterThan(200);
  });

  test('takes another password while the portal runs', async () => {
    const rotated = await space.run(['secrets', 'rotate', 'redis-password']);
    expect(rotated.status, rotated.stderr).toBe(0);
    await ready(portal, space);
    expect((await writing(space, 1)).acknowledged).toBeGreaterThan(50);
    await wholeCache(space);
    const health = await space.run(['health', '--json']);
    const { checks } = JSON.parse(health.stdout) as { checks: { id: string; status: string }[] };
    expect(checks.find(({ id }) => id === 'group.cache')).toMatchObject({ status: 'ok' });
  });

  test('takes the keys of a Redis from elsewhere, which both nodes have then', async () => {
    const old = oldRedis(`${space.project}-elsewhere`);
    try {
      await old.start(container(space, 'cache-1'));
      const done = await space.run(['import', 'cache', `container:${old.name}`, '--replace', '--yes', '--json']);
      expect(done.status, `${done.stdout}${done.stderr}`).toBe(0);
      expect(JSON.parse(done.stdout)).toMatchObject({ result: 'imported', mode: 'sentinel', keys: 1007, restorePoint: expect.any(String) });
      expect(await old.keysHere(space, ['cache-1', 'cache-2'])).toBeGreaterThanOrEqual(1007);
      await wholeCache(space);
      await ready(portal, space);
    } finally {
      await old.remove();
    }
  });
});

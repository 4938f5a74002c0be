import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CACHE, cacheLeaders, type DataStack, dataStack, started, whole, writerOptions } from '../../support/data/data-stack.ts';
import { Writers } from '../../support/data/data-writers.ts';
import { under } from '../../support/data/fault-report.ts';
import { begin, inside, killContainer, pause, unpause } from '../../support/data/faults.ts';
import { destroyProd } from '../../support/load/load-stack.ts';
import { portal, ready, until } from '../../support/stack.ts';
import { freeRange } from '../../support/workspace.ts';

// Redis acknowledges before its replica has it (docs/architecture.md): what a master's last milliseconds may cost.
const LAST_MOMENT = 20;

let stack: DataStack;
/** The master of the first third. */
const first = async () => (await cacheLeaders(stack.space))[0] as string;

beforeAll(async () => {
  stack = await dataStack('cache');
  await started(stack);
});
afterAll(() => destroyProd(stack.space));
beforeEach(() => whole(stack, 90));

describe('a master of the cache', () => {
  test('that is killed is replaced within 6 s, and comes back as a replica', async () => {
    let killed = '';
    const report = await under(stack, { name: 'Redis master killed' }, async () => {
      killed = await first();
      await killContainer(stack.space, killed);
    });
    expect(report.redis.thirds[0].longestGapMs).toBeLessThan(6000);
    expect(report.redis.lost.length).toBeLessThan(LAST_MOMENT);
    expect(await cacheLeaders(stack.space)).not.toContain(killed);
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(2000);
  });

  test('that hangs is replaced, and follows when it wakes up', async () => {
    const report = await under(stack, { name: 'Redis master paused' }, async () => {
      const paused = await first();
      await pause(stack.space, paused);
      await until('another leads', async () => !(await cacheLeaders(stack.space)).includes(paused), 30);
      await unpause(stack.space, paused);
    });
    expect(report.redis.thirds[0].longestGapMs).toBeLessThan(10_000);
    expect(report.redis.lost.length).toBeLessThan(LAST_MOMENT);
  });

  test('that comes back with an append-only file that is cut off has all of its data from the other copy', async () => {
    const report = await under(stack, { name: 'Redis master’s AOF truncated' }, async () => {
      const killed = await first();
      await inside(stack.space, killed, 'truncate -s -7 "$(ls -t /var/lib/redis/appendonlydir/*.incr.aof | head -n 1)"');
      await killContainer(stack.space, killed);
      await begin(stack.space, killed);
    });
    expect(report.redis.lost.length).toBeLessThan(LAST_MOMENT);
    expect(report.redis.thirds[0].longestGapMs).toBeLessThan(10_000);
  });
});

describe('the cache', () => {
  test('comes back when two of three masters die at once, which no vote can settle', async () => {
    const report = await under(stack, { name: 'two Redis masters killed' }, async () => {
      await killContainer(stack.space, ...(await cacheLeaders(stack.space)).slice(0, 2));
    });
    expect(Math.max(...report.redis.thirds.map(({ longestGapMs }) => longestGapMs))).toBeLessThan(20_000);
    expect(report.redis.lost.length).toBeLessThan(2 * LAST_MOMENT);
  });

  test('and the database keep all that they have when every address changes at once', async () => {
    const before = await Writers.begin(writerOptions(stack, 'moved'));
    await until('there is something to keep', async () => (await before.counts()).redis.every((count) => count > 200), 30);
    const kept = await before.pauseWriting();
    stack.moved(await freeRange());
    const up = await stack.space.run(['up']);
    expect(up.status, up.stderr).toBe(0);
    before.kill();
    await ready(portal, stack.space);
    await whole(stack);
    const after = await Writers.begin(writerOptions(stack, 'moved-again'));
    try {
      expect(await after.missing(kept)).toEqual({ postgres: [], redis: [] });
      await until('the database takes writes', async () => (await after.counts()).postgres > 20, 20);
      await until('all of the cache takes writes', async () => (await after.counts()).redis.every((count) => count > 20), 20);
    } finally {
      after.kill();
    }
    expect((await cacheLeaders(stack.space)).length).toBe(CACHE.length / 2);
  });
});

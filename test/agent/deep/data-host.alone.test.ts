import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type DataStack, dataStack, MEMBERS, other, started, whole, writerOptions } from '../../support/data/data-stack.ts';
import { Writers } from '../../support/data/data-writers.ts';
import { under } from '../../support/data/fault-report.ts';
import { killContainer, pause, unpause } from '../../support/data/faults.ts';
import { type SmallDisk, smallDisk } from '../../support/engine/small-disk.ts';
import { destroyProd, kill } from '../../support/load/load-stack.ts';
import { containers, portal } from '../../support/stack.ts';

let stack: DataStack;
const disks: SmallDisk[] = [];

beforeAll(async () => {
  stack = await dataStack('host');
  for (const member of MEMBERS) disks.push(await smallDisk(stack.space, `${member}-data`, 10_002, 420));
  await started(stack);
});
afterAll(async () => {
  await destroyProd(stack.space);
  for (const disk of disks) await disk.remove();
});
beforeEach(() => whole(stack, 90));

describe('what looks after the data', () => {
  test('a killed router is back within seconds', async () => {
    const report = await under(stack, { name: 'db-router killed' }, async () => {
      await killContainer(stack.space, 'db-router');
    });
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(15_000);
  });

  test('an agent that is killed at the moment of a failover finds the dead leader when it is back', async () => {
    const report = await under(stack, { name: 'agent and leader killed at once' }, async (leader) => {
      await Promise.all([killContainer(stack.space, leader), kill(stack.space, 'agent')]);
    });
    expect(report.after).toBe(other(report.before));
    expect(report.postgres.longestGapMs).toBeLessThan(25_000);
  });

  test('without the engine’s proxy a leader’s death is left to the lock’s time to live, and healed once it is back', async () => {
    const report = await under(stack, { name: 'leader killed while the socket proxy hangs' }, async (leader) => {
      await pause(stack.space, 'engine-proxy');
      await killContainer(stack.space, leader);
      await sleep(30_000);
      await unpause(stack.space, 'engine-proxy');
    });
    expect(report.after).toBe(other(report.before));
    expect(report.postgres.longestGapMs).toBeLessThan(30_000);
  });
});

describe('the host', () => {
  test('whose disk is full under the leader has another leader, and takes the member back once there is room', async () => {
    const report = await under(stack, { name: 'leader’s data volume full', seconds: 150 }, async (leader) => {
      const disk = disks[MEMBERS.indexOf(leader)] as SmallDisk;
      await disk.fill();
      await disk.useUpWal(leader);
      await sleep(25_000);
      await disk.free();
    });
    expect(report.after).toBe(other(report.before));
    expect(report.postgres.longestGapMs).toBeLessThan(30_000);
  });

  test('that is rebooted starts its containers in any order, and all that was acknowledged is there', async () => {
    const names = (await containers(stack.space.project)).map(({ name }) => name);
    const writers = await Writers.begin(writerOptions(stack, 'reboot'));
    const running = async () => (await writers.counts()).redis.every((count) => count > 100);
    while (!(await running())) await sleep(100);
    await docker(['kill', ...names]);
    const kept = await writers.pauseWriting();
    writers.kill();
    // A different order each time, told so that a failure can be repeated.
    const order = names.map((name) => ({ name, at: Math.random() })).sort((a, b) => a.at - b.at);
    process.stderr.write(`reboot: started in the order ${order.map(({ name }) => name).join(' ')}\n`);
    const started = performance.now();
    for (const { name } of order) expect((await docker(['start', name])).status).toBe(0);
    await whole(stack, 150);
    process.stderr.write(`fault: host rebooted: whole after ${Math.round((performance.now() - started) / 1000)} s\n`);
    const after = await Writers.begin(writerOptions(stack, 'rebooted'));
    try {
      const { postgres, redis } = await after.missing(kept);
      expect(postgres).toEqual([]);
      // Its append-only file is written every second.
      expect(redis.length).toBeLessThan(kept.redis.length / 2);
      process.stderr.write(`fault: host rebooted: cache lost ${redis.length} of ${kept.redis.length}\n`);
    } finally {
      after.kill();
    }
    expect((await portal(stack.space, '/api/health/ready')).status).toBe(200);
  });
});

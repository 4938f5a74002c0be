import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  addressOf,
  COORDINATION,
  type DataStack,
  dataStack,
  HOSTS,
  MEMBERS,
  other,
  started,
  whole,
} from '../../support/data/data-stack.ts';
import { under } from '../../support/data/fault-report.ts';
import { cutOff, killContainer, killPostmaster, pause, unpause, withoutData } from '../../support/data/faults.ts';
import { destroyProd, kill } from '../../support/load/load-stack.ts';

let stack: DataStack;
const database = { only: { redis: false } };

beforeAll(async () => {
  stack = await dataStack('database');
  await started(stack);
});
afterAll(() => destroyProd(stack.space));
beforeEach(() => whole(stack, 90));

describe('the leader of the database', () => {
  // Bounds are those of a host that does something else as well; the figures are measured by `npm run bench -- data`.
  test('whose postmaster is killed is back, or another leads, within seconds', async () => {
    const report = await under(stack, { name: 'postmaster killed', ...database }, async (leader) => {
      await killPostmaster(stack.space, leader);
    });
    expect(report.postgres.longestGapMs).toBeLessThan(8000);
  });

  test('whose container is killed is followed by the other within seconds, and comes back as its replica', async () => {
    const report = await under(stack, { name: 'leader’s container killed', ...database }, async (leader) => {
      await killContainer(stack.space, leader);
    });
    expect(report.after).toBe(other(report.before));
    expect(report.postgres.longestGapMs).toBeLessThan(8000);
  });

  test('whose first process is killed from the host comes back by itself, or another leads', async () => {
    const report = await under(stack, { name: 'leader’s process 1 killed', ...database }, async (leader) => {
      await kill(stack.space, leader);
    });
    expect(report.postgres.longestGapMs).toBeLessThan(10_000);
  });

  test('that hangs for a moment goes on leading', async () => {
    const report = await under(stack, { name: 'leader paused for 3 s', ...database }, async (leader) => {
      await pause(stack.space, leader);
      await sleep(3000);
      await unpause(stack.space, leader);
    });
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(8000);
  });

  test('that hangs for longer is killed before another leads, and comes back as its replica', async () => {
    const report = await under(stack, { name: 'leader paused', ...database }, async (leader) => {
      await pause(stack.space, leader);
    });
    expect(report.after).toBe(other(report.before));
    expect(report.postgres.longestGapMs).toBeLessThan(22_000);
  });

  test('that is cut off from etcd and from the replica ceases to lead before the other begins', async () => {
    const report = await under(stack, { name: 'leader cut off', seconds: 150, ...database }, async (leader) => {
      const away = [
        ...COORDINATION.map((_, index) => addressOf(stack, HOSTS.etcd + index)),
        addressOf(stack, HOSTS.postgres + MEMBERS.indexOf(other(leader))),
      ];
      const join = await cutOff(stack.space, leader, away);
      await sleep(32_000);
      await join();
    });
    expect(report.after).toBe(other(report.before));
    expect(report.postgres.longestGapMs).toBeLessThan(35_000);
  });
});

describe('the members of the database', () => {
  test('that are both killed come back with all that they have acknowledged', async () => {
    const report = await under(stack, { name: 'both members killed', ...database }, async () => {
      await killContainer(stack.space, ...MEMBERS);
    });
    expect(report.postgres.longestGapMs).toBeLessThan(40_000);
  });

  test('go on when the replica is killed', async () => {
    const report = await under(stack, { name: 'replica killed', ...database }, async (leader) => {
      await killContainer(stack.space, other(leader));
    });
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(10_000);
  });
});

describe('etcd', () => {
  test('that loses one member is no outage', async () => {
    const report = await under(stack, { name: 'one etcd killed', ...database }, async () => {
      await killContainer(stack.space, 'etcd-1');
    });
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(5000);
  });

  test('that is away as a whole for 30 s is no outage: the members agree without it', async () => {
    const report = await under(stack, { name: 'all etcd paused for 30 s', ...database }, async () => {
      await pause(stack.space, ...COORDINATION);
      await sleep(30_000);
      await unpause(stack.space, ...COORDINATION);
    });
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(5000);
  });

  test('takes in a member that has lost its data', async () => {
    const report = await under(stack, { name: 'one etcd’s data lost', ...database }, async () => {
      await withoutData(stack.space, ['etcd-2']);
    });
    expect(report.after).toBe(report.before);
    expect(report.postgres.longestGapMs).toBeLessThan(5000);
  });

  test('that has lost all of its data is founded again, and the database keeps its leader and its data', async () => {
    const report = await under(stack, { name: 'all etcd’s data lost', seconds: 150, ...database }, async () => {
      await withoutData(stack.space, COORDINATION);
    });
    expect(report.postgres.longestGapMs).toBeLessThan(30_000);
  });
});

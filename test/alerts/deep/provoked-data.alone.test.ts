import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { calm, type Undo } from '../../support/alerts/provoked.ts';
import { ProvokedData } from '../../support/alerts/provoked-data.ts';
import { docker } from '../../support/cli.ts';
import { COORDINATION, cacheLeaders, MEMBERS } from '../../support/data/data-stack.ts';
import { container } from '../../support/load/load-stack.ts';
import { until } from '../../support/stack.ts';

/*
 * Alerts about leaders of the database, of etcd and of the cache, each by the fault that it is for, on prod as it is. What looks back for longest
 * comes first.
 */

let data: ProvokedData;
const none: Undo = async () => {};

beforeAll(async () => {
  data = await ProvokedData.start('provoked-data');
}, 900_000);
afterAll(() => data?.end());

describe('alerts arrive with what to do', () => {
  test('when leaders change again and again', async () => {
    const { desk, stack } = data;
    await calm(stack.space);
    await desk.wave(
      [
        [
          ['CoordinationLeaderUnstable'],
          async () => {
            for (let round = 0; round < 3; round++)
              for (const member of COORDINATION) {
                await docker(['restart', '--time', '5', container(stack.space, member)]);
                await sleep(5_000);
              }
            await data.settled();
            return none;
          },
        ],
        [
          ['DatabaseLeaderChanged', 'DatabaseLeaderUnstable'],
          async () => {
            for (let times = 0; times < 3; times++) {
              const { status, stderr } = await stack.space.run(['switchover', '--yes']);
              if (status !== 0) throw new Error(stderr);
              await data.settled();
            }
            return none;
          },
        ],
      ],
      420,
      // It looks back for an hour.
      ['DatabaseLeaderUnstable'],
    );
  }, 1_200_000);

  test('when etcd has no majority, and a third of the cache no node', async () => {
    const { desk, stack } = data;
    await calm(stack.space);
    await desk.wave(
      [
        [['CoordinationNoLeader', 'CoordinationNoQuorum'], () => data.stopped('etcd-2', 'etcd-3')],
        [
          ['CacheSlotsMissing'],
          async () => {
            const before: string[] = await data.cacheLeaders();
            const one = await data.stopped(before[0] as string);
            const promoted = async () => (await cacheLeaders(stack.space)).find((node) => !before.includes(node));
            await until('its follower leads', async () => (await promoted()) !== undefined, 120);
            const both = await data.stopped((await promoted()) as string);
            return async () => {
              await both();
              await one();
            };
          },
        ],
      ],
      300,
    );
    await data.settled(300);
  }, 1_200_000);

  test('when the database has no leader', async () => {
    const { desk, stack } = data;
    await calm(stack.space);
    await desk.wave([[['DatabaseNoLeader', 'DatabaseUnreachable'], () => data.stopped(...MEMBERS)]], 300);
    await data.settled(300);
  }, 1_200_000);

  test('and so do their ends', () => data.desk.ended(1500), 1_800_000);
});

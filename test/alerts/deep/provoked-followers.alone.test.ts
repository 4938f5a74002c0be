import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calm, type Provoked, repeated } from '../../support/alerts/provoked.ts';
import { ProvokedData } from '../../support/alerts/provoked-data.ts';
import { CACHE, COORDINATION, leader, other } from '../../support/data/data-stack.ts';

/*
 * Alerts about what follows: members that are away or fall behind, the archive of WAL, and a cache that fills up, each by the fault that it is
 * for, on prod as it is.
 */

let data: ProvokedData;
let archive: Provoked[] = [];

beforeAll(async () => {
  // The agent would start a follower again that is cut off, before the alert about it is told.
  data = await ProvokedData.start('provoked-followers', { agent: { healing: 'off' } });
}, 900_000);
afterAll(() => data?.end());

const follower = async (): Promise<string> => {
  const leaders: string[] = await data.cacheLeaders();
  return CACHE.find((node) => !leaders.includes(node)) as string;
};
/** A shell's function that asks the cache in its own container. */
const redis =
  'redis() { REDISCLI_AUTH=$(</run/secrets/redis-password-a) redis-cli --tls --cacert /run/trust/internal-ca.pem --user medianest "$@"; }';

/** Has a node hold so many values of a megabyte, under a name whose slot it serves. @returns what begins their names */
const filled = (node: string, values: number): Promise<string> =>
  data.must(
    node,
    `${redis}; n=0; until [ "$(redis set "{full$n}" 1)" = OK ] || [ $n -gt 60 ]; do n=$((n + 1)); done
     for ((i = 0; i < ${values}; i++)); do echo "setrange {full$n}:$i 1000000 x"; done | redis >/dev/null; echo "{full$n}"`,
  );

describe('alerts arrive with what to do', () => {
  test('when one of several is away', async () => {
    const { desk, stack } = data;
    await calm(stack.space);
    const first = await leader(stack);
    archive = [
      // Nothing arrived for ten minutes: told last.
      await desk.provoke(['WalArchiveFails'], async () => {
        const again = await data.stopped('backup');
        const end = repeated(async () => {
          await data.sql(await leader(stack), "select pg_switch_wal() from pg_logical_emit_message(false, 'alerts', 'x')");
        }, 2000);
        return async () => {
          await end();
          await again();
        };
      }),
    ];
    const node = await follower();
    await desk.wave([[['DatabaseMemberDown', 'CacheNodeDown'], () => data.stopped(other(first), node)]], 300);
    await data.settled();
  }, 1_200_000);

  test('when followers fall behind, and a part of the cache is nearly full', async () => {
    const { desk, stack } = data;
    const [first, node] = [await leader(stack), await follower()];
    const replica = other(first);
    const [full] = await data.cacheLeaders();
    await desk.wave(
      [
        [
          ['CacheNearlyFull'],
          async () => {
            const name = await filled(full, 88);
            return () => data.must(full, `${redis}; for ((i = 0; i < 88; i++)); do echo "unlink ${name}:$i"; done | redis >/dev/null`);
          },
        ],
        [
          ['DatabaseMetricsMissing'],
          async () => {
            await data.sql(first, 'alter role monitor nologin');
            await data.sql(first, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'monitor'");
            return () => data.sql(first, 'alter role monitor login');
          },
        ],
        [
          ['DatabaseReplicaNotStreaming', 'DatabaseReplicaLags'],
          async () => {
            const join = await data.cutFrom(replica, first);
            const rows = "select gen_random_uuid()::text || repeat('x', 900) from generate_series(1, 40000)";
            const written = (statement: string) => data.sql(first, `set synchronous_commit = local; ${statement} ${rows}`);
            await written('create table alerts as');
            for (let times = 0; times < 3; times++) await written('insert into alerts');
            return async () => {
              await join();
              await data.sql(first, 'drop table alerts');
            };
          },
        ],
        [['DatabaseCoordinationLost'], () => data.cutFrom(replica, ...COORDINATION)],
        [['CacheReplicaNotFollowing'], async () => data.cutFrom(node, ...(await data.cacheLeaders()))],
      ],
      600,
    );
    await data.settled(300);
  }, 1_500_000);

  test('when WAL is not archived', async () => {
    expect(archive).toHaveLength(1);
    try {
      await data.desk.arrive(archive, 1200);
    } finally {
      await data.desk.mend(archive);
    }
  }, 1_500_000);

  test('and so do their ends', () => data.desk.ended(1200), 1_500_000);
});

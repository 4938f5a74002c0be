import { describe, expect, it } from 'vitest';
import { describeCommand, wordsOf } from '../../../src/agent/cache/perform.ts';
import { parseNodes, parseView } from '../../../src/agent/cache/plan/parse.ts';
import { planCache } from '../../../src/agent/cache/plan/plan.ts';
import { complement, count, intersect, overlap, share, text, union } from '../../../src/agent/cache/plan/ranges.ts';
import { cacheStatus, mayLeadCache } from '../../../src/agent/cache/plan/status.ts';
import type { CacheCommand, KnownNode, NodeView, Observed, Range } from '../../../src/agent/cache/plan/types.ts';

/** A member as all others describe it; `away` has no view of its own. */
interface Member {
  id: string;
  slots?: Range[];
  of?: string;
  flag?: string;
  address?: string;
  away?: boolean;
  loading?: boolean;
  silentMs?: number;
  offset?: number;
  /** Known to the others, but under no wanted name. */
  stranger?: boolean;
  /** Where it asks for its master's writes. */
  masterHost?: string;
}

const THIRDS: Range[][] = [[share(0, 3)], [share(1, 3)], [share(2, 3)]];
const HEALTHY: Member[] = [
  { id: 'a', slots: THIRDS[0] as Range[] },
  { id: 'b', slots: THIRDS[1] as Range[] },
  { id: 'c', slots: THIRDS[2] as Range[] },
  { id: 'd', of: 'a' },
  { id: 'e', of: 'b' },
  { id: 'f', of: 'c' },
];
const addressOf = (index: number) => `10.0.0.${30 + index}`;

/** Everybody agrees about everybody. */
function seen(members: Member[], replicas = 1): Observed {
  const line = (member: Member, index: number, myself: boolean): KnownNode => ({
    id: member.id,
    address: member.address ?? addressOf(index),
    flags: [...(myself ? ['myself'] : []), member.of === undefined ? 'master' : 'slave', ...(member.flag ? [member.flag] : [])],
    master: member.of,
    epoch: index,
    connected: !member.flag,
    slots: member.slots ?? [],
  });
  return {
    at: 0,
    replicas,
    nodeTimeoutMs: 2000,
    nodes: members
      .filter(({ stranger }) => !stranger)
      .map((member, index) => ({
        service: `redis-${index + 1}`,
        address: addressOf(index),
        silentMs: member.silentMs ?? 0,
        ...(member.away
          ? { silence: 'no answer', loading: member.loading ?? false }
          : {
              view: {
                id: member.id,
                stateOk: true,
                known: members.map((other, at) => line(other, at, other === member)),
                keys: 5,
                offset: member.offset ?? 100,
                linkUp: member.of !== undefined,
                ...(member.masterHost !== undefined && { masterHost: member.masterHost }),
              } satisfies NodeView,
            }),
      })),
  };
}

const with_ = (changes: Record<number, Partial<Member>>, more: Member[] = []): Member[] => [
  ...HEALTHY.map((member, index) => ({ ...member, ...changes[index] })),
  ...more,
];
const away = (silentMs = 10_000, flag = 'fail?') => ({ away: true, silentMs, flag });
const planned = (members: Member[], replicas = 1) => planCache(seen(members, replicas)).commands.map(describeCommand);

describe('ranges', () => {
  it('add up, and leave gaps', () => {
    expect(
      union([
        [5, 9],
        [0, 4],
        [20, 30],
        [25, 26],
      ]),
    ).toEqual([
      [0, 9],
      [20, 30],
    ]);
    expect(complement([])).toEqual([[0, 16_383]]);
    expect(
      complement([
        [0, 99],
        [200, 16_383],
      ]),
    ).toEqual([[100, 199]]);
    expect(intersect([[0, 100]], [[50, 200]])).toEqual([[50, 100]]);
    expect(overlap([[0, 9]], [[10, 20]])).toBe(false);
    expect(
      text([
        [0, 9],
        [11, 11],
      ]),
    ).toBe('0-9 11');
    expect([0, 1, 2].map((index) => share(index, 3))).toEqual([
      [0, 5460],
      [5461, 10_922],
      [10_923, 16_383],
    ]);
    expect(count([share(0, 3), share(1, 3), share(2, 3)])).toBe(16_384);
  });
});

describe('what a node says', () => {
  const nodes = `07c37d 10.0.0.31:6379@16379,,tls-port=6379 slave e7d1ee 0 1426238317239 4 connected
e7d1ee 10.0.0.30:6379@16379 myself,master - 0 0 1 connected 0-99 101 [93-<-292f8b]
67ed2d :0@0 master,noaddr - 1426238316232 1426238315000 2 disconnected 5461-10922
`;
  it('is read line by line', () => {
    expect(parseNodes(nodes)).toEqual([
      { id: '07c37d', address: '10.0.0.31', flags: ['slave'], master: 'e7d1ee', epoch: 4, connected: true, slots: [] },
      {
        id: 'e7d1ee',
        address: '10.0.0.30',
        flags: ['myself', 'master'],
        master: undefined,
        epoch: 1,
        connected: true,
        slots: [
          [0, 99],
          [101, 101],
        ],
      },
      { id: '67ed2d', address: '', flags: ['master', 'noaddr'], master: undefined, epoch: 2, connected: false, slots: [[5461, 10_922]] },
    ]);
  });
  it('is put together from four answers', () => {
    const replication =
      'role:slave\r\nmaster_host:10.0.0.9\r\nmaster_link_status:up\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:42\r\nmaster_repl_offset:42\r\n';
    const answers = { nodes, cluster: 'cluster_state:ok\r\n', replication, keyspace: '# Keyspace\r\ndb0:keys=7,expires=1\r\n' };
    expect(parseView(answers)).toMatchObject({ id: 'e7d1ee', stateOk: true, keys: 7, offset: 42, linkUp: true, masterHost: '10.0.0.9' });
    expect(parseView({ ...answers, replication: 'master_link_status:up\nmaster_sync_in_progress:1' })).toMatchObject({ linkUp: false });
    expect(parseView({ ...answers, nodes: 'x' })).toBeUndefined();
  });
});

describe('the plan', () => {
  it('has a replica ask for its master where that is now, once it knows that address', () => {
    expect(planned(with_({ 3: { masterHost: '10.0.0.30' } }))).toEqual([]);
    expect(planned(with_({ 3: { masterHost: '10.9.9.30' } }))).toEqual([expect.stringMatching(/redis-4.*(replicate|follow)/i)]);
    expect(planned(with_({ 0: { slots: THIRDS[0] as Range[], ...away() }, 3: { masterHost: '10.9.9.30' } }))).not.toContainEqual(
      expect.stringContaining('10.9.9.30'),
    );
  });
  it('is nothing where all is well, with replicas and without', () => {
    expect(planCache(seen(HEALTHY))).toEqual({ commands: [], problems: [] });
    expect(planCache(seen(HEALTHY.slice(0, 3), 0))).toEqual({ commands: [], problems: [] });
  });
  it.each<[string, Member[], string[]]>([
    ['a leader that its replica is about to follow is left to the vote', with_({ 0: away(1000) }), []],
    ['a leader that has been away for long, where a vote is possible', with_({ 0: away(10_000, 'fail') }), ['redis-4: take over']],
    ['two leaders away: one at a time, without a vote', with_({ 0: away(), 1: away() }), ['redis-4: take over without a vote']],
    ['two leaders away for a moment: nothing yet', with_({ 0: away(3000), 1: away(3000) }), []],
    ['two leaders away that some still reach: nothing', with_({ 0: away(9000, ''), 1: away(9000, '') }), []],
    [
      'two leaders away, one of them reading its files: the other',
      with_({ 0: { ...away(), loading: true }, 1: away() }),
      ['redis-5: take over without a vote'],
    ],
    ['only a minority in sight: nothing', with_({ 0: away(), 1: away(), 2: away() }), []],
    ['a replica away: nothing', with_({ 4: away(60_000, 'fail') }), []],
    ['a replica that follows nobody', with_({ 3: { of: undefined as never } }), ['redis-4: follow a']],
    ['a replica of one that is gone for good', with_({ 3: { of: 'old' } }), ['redis-4: follow a']],
    ['two replicas of one leader and none of another', with_({ 4: { of: 'a' } }), ['redis-4: follow b']],
    [
      'a wiped replica: forgotten under its old name once it follows',
      with_({}, [{ id: 'old', of: 'a', flag: 'fail', address: '', stranger: true }]),
      [1, 2, 3, 4, 5, 6].map((n) => `redis-${n}: forget old`),
    ],
    [
      'a wiped leader: its replica first',
      with_({ 0: { id: 'new', slots: [] } }, [{ id: 'a', slots: THIRDS[0] as Range[], flag: 'noaddr', address: '', stranger: true }]),
      ['redis-4: take over without a vote'],
    ],
  ])('%s', (_what, members, commands) => {
    expect(planned(members)).toEqual(commands);
  });
  it('gives lost slots out anew only with everybody in sight, and says so', () => {
    const ghost: Member = { id: 'b', slots: THIRDS[1] as Range[], flag: 'noaddr', address: '', stranger: true };
    const three = [HEALTHY[0], { id: 'new' }, HEALTHY[2], ghost] as Member[];
    const plan = planCache(seen(three, 0));
    expect(plan.commands.map(describeCommand)).toEqual(['redis-1: forget b', 'redis-2: forget b', 'redis-3: forget b']);
    expect(plan.commands[0]?.cause).toBe('the data of slots 5461-10922 is lost: redis-2 came back empty, and no node has a copy');
    expect(planned([HEALTHY[0], { id: 'new' }, HEALTHY[2]] as Member[], 0)).toEqual(['redis-2: take slots 5461-10922']);
    const unsure = planCache(seen([HEALTHY[0], { id: 'new' }, { ...HEALTHY[2], away: true }, ghost] as Member[], 0));
    expect(unsure).toEqual({ commands: [], problems: ['slots 5461-16383 are away with redis-3 (no answer)'] });
  });
  it('never takes a slot from a leader that answers', () => {
    const one: Member = { id: 'a', slots: [[0, 10]] };
    for (const command of planCache(seen([one, { id: 'b' }, { id: 'c' }], 0)).commands) {
      expect(command.kind === 'take-slots' && overlap(command.slots, [[0, 10]])).toBe(false);
    }
  });
  it('leaves two clusters apart that hold the same', () => {
    const seenApart = seen(HEALTHY.slice(0, 2), 0);
    const nodes = seenApart.nodes.map((node) => {
      const view = node.view as NodeView;
      const known = view.known.filter(({ flags }) => flags.includes('myself')).map((self) => ({ ...self, slots: [[0, 100]] as Range[] }));
      return { ...node, view: { ...view, known } };
    });
    const { commands, problems } = planCache({ ...seenApart, nodes });
    expect(commands).toEqual([]);
    expect(problems[0]).toBe(
      'redis-1 and redis-2 both hold slots 0-100 and come from different clusters: empty the volume of the one that is not wanted',
    );
  });
});

it('is told to Redis in its own words', () => {
  const at = { at: 'redis-1', cause: '' };
  expect(
    (
      [
        { ...at, kind: 'set-epoch', epoch: 2 },
        {
          ...at,
          kind: 'take-slots',
          slots: [
            [0, 5],
            [7, 7],
          ],
        },
        { ...at, kind: 'meet', address: '10.0.0.31' },
        { ...at, kind: 'failover', how: 'TAKEOVER' },
        { ...at, kind: 'replicate', master: 'a' },
        { ...at, kind: 'forget', id: 'b' },
      ] satisfies CacheCommand[]
    ).map((command) => wordsOf(command).join(' ')),
  ).toEqual([
    'CLUSTER SET-CONFIG-EPOCH 2',
    'CLUSTER ADDSLOTSRANGE 0 5 7 7',
    'CLUSTER MEET 10.0.0.31 6379',
    'CLUSTER FAILOVER TAKEOVER',
    'CLUSTER REPLICATE a',
    'CLUSTER FORGET b',
  ]);
});

it('is shown as members', () => {
  const status = cacheStatus(seen(with_({ 2: away(), 3: { offset: 90 }, 5: { id: 'new', of: undefined as never } })));
  expect(status['redis-1']).toEqual({ role: 'leader', ok: true, details: { slots: '0-5460', keys: 5, cluster: 'ok' } });
  expect(status['redis-4']).toEqual({ role: 'replica', ok: true, details: { of: 'redis-1', lag: '10 B', cluster: 'ok' } });
  expect(status['redis-3']).toEqual({ role: 'unknown', ok: false, details: { problem: 'no answer' } });
  expect(status['redis-6']).toMatchObject({ role: 'unknown', ok: false, details: { problem: 'not part of the cluster yet' } });
});

it('may be led by a node that does not answer, as long as no other leads its slots', () => {
  expect(mayLeadCache(seen(HEALTHY))).toEqual(['redis-1', 'redis-2', 'redis-3']);
  expect(mayLeadCache(seen(with_({ 1: away(), 5: away() })))).toEqual(['redis-1', 'redis-3', 'redis-2', 'redis-6']);
  const takenOver = with_({ 1: away(), 4: { slots: THIRDS[1] as Range[], of: undefined as never } });
  expect(mayLeadCache(seen(takenOver))).toEqual(['redis-1', 'redis-3', 'redis-5']);
});

import { describe, expect, it } from 'vitest';
import { clusterctl } from '../../../src/agent/clusterctl.ts';
import { databaseGroup } from '../../../src/agent/database-group.ts';
import { type Group, Refused } from '../../../src/agent/group.ts';
import type { ClusterMember, ClusterView, PatroniClient } from '../../../src/agent/patroni-client.ts';
import {
  coordinationStates,
  type EtcdStatus,
  type EtcdView,
  etcdHandoverProblem,
  etcdProblem,
} from '../../../src/agent/plan/coordination.ts';
import { bestCandidate, candidateProblem, memberStates, nextRestart, problemOf, unsettled } from '../../../src/agent/plan/database.ts';
import { judgeHung } from '../../../src/agent/plan/hung.ts';

const leader: ClusterMember = { name: 'postgres-1', role: 'leader', state: 'running', timeline: 3 };
const standby: ClusterMember = { name: 'postgres-2', role: 'sync_standby', state: 'streaming', timeline: 3, lag: 0 };
const replica: ClusterMember = { name: 'postgres-3', role: 'replica', state: 'streaming', timeline: 3, lag: 0 };
const view = (...members: ClusterMember[]): ClusterView => ({ members });

/** Two members, as Patroni shows them and takes orders for them. */
function twoMembers(look: (asked: readonly string[], looks: number) => ClusterView, more: Partial<PatroniClient> = {}) {
  const asked: string[] = [];
  const said: string[] = [];
  let looks = 0;
  const group = databaseGroup(['postgres-1', 'postgres-2'], {
    cluster: async () => look(asked, ++looks),
    synchronous: async () => true,
    leads: async () => true,
    switchover: async (from, to) => void asked.push(`switchover ${from} -> ${to}`),
    failover: async (to) => void asked.push(`failover -> ${to}`),
    ...more,
  } as PatroniClient);
  return { group, asked, said, say: (what: string) => void said.push(what) };
}

const changed = view({ ...leader, name: 'postgres-2' }, { ...standby, name: 'postgres-1' });

describe('a planned change of the leader', () => {
  it.each([
    ['switchover', {}],
    ['failover', { force: true }],
  ] as const)('%s waits until the other member is a synchronous standby: Patroni refuses before', async (how, more) => {
    const { group, asked, said, say } = twoMembers((orders, looks) => {
      if (orders.length > 0) return changed;
      return looks < 5 ? view(leader, { ...standby, role: 'replica' }) : view(leader, standby);
    });
    await group[how]?.({ to: 'postgres-2', ...more }, say);
    expect(asked).toEqual(['switchover postgres-1 -> postgres-2']);
    expect(said).toEqual(['no other member is a synchronous standby', 'postgres-1 hands over to postgres-2']);
  });
});

describe('a planned change of the leader, run again', () => {
  it.each([
    ['after a killed one that was carried out', { from: 'postgres-1' }],
    ['for the member that leads', { to: 'postgres-2' }],
  ])('%s changes nothing, and ends when the old leader takes part', async (_case, wanted) => {
    const rejoins = (looks: number) =>
      looks < 5 ? { ...standby, name: 'postgres-1', state: 'starting' } : { ...standby, name: 'postgres-1' };
    const { group, asked, said, say } = twoMembers((_asked, looks) => view({ ...leader, name: 'postgres-2' }, rejoins(looks)));
    expect(await group.switchover?.({ from: 'postgres-1', ...wanted }, say)).toBe('unchanged');
    expect(asked).toEqual([]);
    expect(said).toEqual(['postgres-2 leads already', 'postgres-1 is starting, not streaming']);
  });
  it('while the killed one is still at work: the leader that it brings about is the answer', async () => {
    const { group, asked, said, say } = twoMembers((_asked, looks) => {
      if (looks < 3) return view(leader, { ...standby, role: 'replica' });
      return looks < 5 ? view({ ...leader, state: 'stopping' }, standby) : changed;
    });
    expect(await group.switchover?.({}, say)).toBe('unchanged');
    expect(asked).toEqual([]);
    expect(said.at(-1)).toBe('postgres-2 leads already');
  });
  it('in the moment in which Patroni carries it out, and refuses another', async () => {
    let refusals = 0;
    const { group, say } = twoMembers(() => (refusals > 0 ? changed : view(leader, standby)), {
      switchover: async () => {
        refusals++;
        throw new Refused('Patroni refused: leader name does not match');
      },
    });
    expect(await group.switchover?.({}, say)).toBe('unchanged');
  });
  it('right after a finished one waits until the old leader streams, and changes again', async () => {
    const { group, asked, said, say } = twoMembers((orders, looks) => {
      if (orders.length > 0) return changed;
      return view(leader, looks < 5 ? { ...standby, state: 'stopped' } : standby);
    });
    expect(await group.switchover?.({}, say)).toBe('changed');
    expect(asked).toEqual(['switchover postgres-1 -> postgres-2']);
    expect(said[0]).toBe('no other member is streaming');
  });
  it('ends when every member that took part before does so again', async () => {
    const away = { ...replica, state: 'start failed' };
    const { group, said, say } = twoMembers((orders, looks) => {
      if (orders.length === 0) return view(leader, standby, away);
      const old = { ...standby, name: 'postgres-1', ...(looks < 8 && { state: 'starting' }) };
      return view({ ...leader, name: 'postgres-2' }, old, away);
    });
    expect(await group.switchover?.({}, say)).toBe('changed');
    expect(said).toEqual(['postgres-1 hands over to postgres-2', 'postgres-1 is starting, not streaming']);
  });
});

describe('failover', () => {
  it('is refused while the leader answers, and nothing is asked of Patroni', async () => {
    const { group, asked, say } = twoMembers(() => view(leader, standby));
    const refused = group.failover?.({}, say);
    await expect(refused).rejects.toThrow(Refused);
    await expect(refused).rejects.toThrow('postgres-1 leads and answers: use switchover, or failover --force');
    expect(asked).toEqual([]);
  });
  it.each([
    ['a leader that its lease still calls running does not answer', view(leader, standby)],
    ['no leader is elected', view(standby)],
  ])('needs no --force where %s', async (_case, seen) => {
    const { group, asked, say } = twoMembers((orders) => (orders.length > 0 ? changed : seen), { leads: async () => false });
    await group.failover?.({}, say);
    expect(asked).toEqual(['failover -> postgres-2']);
  });
  it('is refused where it cannot be told whether the leader leads, and --force replaces it', async () => {
    const leads = () => Promise.reject(new Error('its certificate is not accepted'));
    const one = twoMembers(() => view(leader, standby), { leads });
    const refused = one.group.failover?.({}, one.say);
    await expect(refused).rejects.toThrow(Refused);
    await expect(refused).rejects.toThrow('whether postgres-1 leads cannot be told (its certificate is not accepted)');
    expect(one.asked).toEqual([]);
    const other = twoMembers((orders) => (orders.length > 0 ? changed : view(leader, standby)), { leads });
    expect(await other.group.failover?.({ force: true }, other.say)).toBe('changed');
    expect(other.asked).toEqual(['failover -> postgres-2']);
  });
  it.each([
    ['the dead leader itself', { to: 'postgres-1' }, view(leader, standby)],
    ['a member that there is not', { to: 'postgres-9' }, view(leader, standby)],
    ['no member that could take over', {}, view(leader, { ...standby, state: 'stopped' })],
  ])('is refused for %s', async (_case, wanted, seen) => {
    const { group, asked, say } = twoMembers(() => seen, { leads: async () => false });
    await expect(group.failover?.(wanted, say)).rejects.toThrow(Refused);
    expect(asked).toEqual([]);
  });
});

describe('a member of the database', () => {
  it.each([
    ['leads', leader, undefined],
    ['leads in name only', { ...leader, state: 'starting' }, 'postgres-1 leads but is starting'],
    ['streams', standby, undefined],
    ['is stopped', { ...standby, state: 'stopped' }, 'postgres-2 is stopped, not streaming'],
    ['is on an old timeline', { ...standby, timeline: 2 }, 'postgres-2 is on timeline 2, the leader on 3'],
    ['is far behind', { ...standby, lag: 64 * 1024 ** 2 }, 'postgres-2 is 64 MiB behind'],
    ['is behind by nobody knows how much', { ...standby, lag: 'unknown' }, 'how far postgres-2 is behind is unknown'],
  ] satisfies [string, ClusterMember, string | undefined][])('%s', (_how, member, problem) => {
    expect(problemOf(member.name, member.name === 'postgres-1' ? view(member, standby) : view(leader, member))).toBe(problem);
  });
  it('has not joined, or waits for a leader', () => {
    expect(problemOf('postgres-2', view(leader))).toBe('postgres-2 has not joined');
    expect(problemOf('postgres-2', view(standby))).toBe('no leader elected');
  });
  it('is told with role, lag and timeline, also where nobody answers', () => {
    expect(
      memberStates(['postgres-1', 'postgres-2', 'postgres-3'], view(leader, { ...standby, lag: 2048, pending_restart: true })),
    ).toEqual({
      'postgres-1': { role: 'leader', ok: true, details: { state: 'running', timeline: 3 } },
      'postgres-2': {
        role: 'replica',
        ok: true,
        details: { state: 'streaming', timeline: 3, lag: '2 KiB', replication: 'synchronous', pending: 'restart' },
      },
      'postgres-3': { role: 'unknown', ok: false, details: {} },
    });
    expect(memberStates(['postgres-1'], undefined)).toEqual({ 'postgres-1': { role: 'unknown', ok: false, details: {} } });
  });
  it('is settled only with a synchronous standby, where commits wait for one, and with its settings taken', () => {
    expect(unsettled('postgres-1', view(leader, standby), true)).toBeUndefined();
    expect(unsettled('postgres-3', view(leader, replica), true)).toBe('no member is a synchronous standby');
    expect(unsettled('postgres-3', view(leader, replica), false)).toBeUndefined();
    expect(unsettled('postgres-1', view(leader), true)).toBeUndefined();
    expect(unsettled('postgres-2', view(leader, { ...standby, pending_restart: true }), true)).toBe(
      'postgres-2 has settings that wait for a restart',
    );
  });
  it('is handed over to: synchronous first, then the least behind, never itself or one that is stopped', () => {
    expect(bestCandidate(view(leader, { ...replica, lag: 0 }, { ...standby, lag: 100 }), 'postgres-1')).toBe('postgres-2');
    expect(bestCandidate(view(leader, { ...replica, lag: 9 }, { ...replica, name: 'postgres-2', lag: 8 }), 'postgres-1')).toBe(
      'postgres-2',
    );
    expect(bestCandidate(view(leader, { ...standby, state: 'stopped' }), 'postgres-1')).toBeUndefined();
    expect(candidateProblem('postgres-1', view(leader), true)).toBe('no other member is streaming');
    expect(candidateProblem('postgres-1', view(leader, replica), true)).toBe('no other member is a synchronous standby');
    expect(candidateProblem('postgres-1', view(leader, replica), false)).toBeUndefined();
  });
  it('is restarted for its settings only where it does not lead, and somebody does', () => {
    const pending = { ...standby, pending_restart: true };
    expect(nextRestart('postgres-2', view(leader, pending))).toBe('postgres-2');
    expect(nextRestart('postgres-1', view({ ...leader, pending_restart: true }, standby))).toBeUndefined();
    expect(nextRestart('postgres-2', view({ ...leader, state: 'stopped' }, pending))).toBeUndefined();
    expect(nextRestart('postgres-2', { ...view(leader, pending), pause: true })).toBeUndefined();
  });
  it('has its leader restarted first where a value is lowered that it may not have below the leader', () => {
    const waits = (from: string, to: string, name = 'max_connections') => ({
      pending_restart: true,
      pending_restart_reason: { [name]: { old_value: from, new_value: to } },
    });
    const low = { ...standby, ...waits('130', '90') };
    expect(nextRestart('postgres-2', view({ ...leader, ...waits('130', '90') }, low))).toBe('postgres-1');
    expect(nextRestart('postgres-2', view(leader, low))).toBe('postgres-2');
    expect(nextRestart('postgres-2', view({ ...leader, ...waits('130', '90') }, { ...low, state: 'starting' }))).toBeUndefined();
    const high = { ...standby, ...waits('90', '130') };
    expect(nextRestart('postgres-2', view({ ...leader, ...waits('90', '130') }, high))).toBe('postgres-2');
    const buffers = waits('16384', '8192', 'shared_buffers');
    expect(nextRestart('postgres-2', view({ ...leader, ...buffers }, { ...standby, ...buffers }))).toBe('postgres-2');
  });
});

describe('a member of etcd', () => {
  const status = (id: string, more: Partial<EtcdStatus> = {}): EtcdStatus => ({
    id,
    leader: '1',
    term: '4',
    applied: 1000,
    bytes: 40960,
    errors: [],
    ...more,
  });
  const three = (more: EtcdView = {}): EtcdView => ({ 'etcd-1': status('1'), 'etcd-2': status('2'), 'etcd-3': status('3'), ...more });
  it.each([
    ['is well', three(), undefined],
    ['does not answer', three({ 'etcd-2': undefined }), 'etcd-2 does not answer'],
    ['knows no leader', three({ 'etcd-2': status('2', { leader: '0' }) }), 'etcd-2 knows no leader'],
    ['knows an old leader', three({ 'etcd-2': status('2', { leader: '3', term: '3' }) }), 'etcd-2 and etcd-1 do not agree on the leader'],
    ['is behind', three({ 'etcd-2': status('2', { applied: 500 }) }), 'etcd-2 is 500 entries behind'],
    ['has an alarm', three({ 'etcd-2': status('2', { errors: ['NOSPACE'] }) }), 'etcd-2 reports NOSPACE'],
  ] satisfies [string, EtcdView, string | undefined][])('%s', (_how, seen, problem) => {
    expect(etcdProblem('etcd-2', seen)).toBe(problem);
    expect(coordinationStates(seen)['etcd-2']?.ok).toBe(problem === undefined);
  });
  it('is stopped only where the others are a majority', () => {
    expect(etcdHandoverProblem('etcd-2', three())).toBeUndefined();
    expect(etcdHandoverProblem('etcd-2', three({ 'etcd-3': undefined }))).toBe(
      'only 1 of the other members of etcd are well, and 2 are needed',
    );
    expect(etcdHandoverProblem('etcd-1', { 'etcd-1': status('1') })).toBeUndefined();
  });
});

describe('a member that has lost the lead', () => {
  const running = { running: true, paused: false, restarting: false, pid: 7 };
  it('is killed once it has not answered for its time', () => {
    expect(judgeHung({ silentSince: undefined }, running, true, 0, 30)).toBe('well');
    expect(judgeHung({ silentSince: undefined }, { ...running, running: false }, false, 0, 30)).toBe('well');
    expect(judgeHung({ silentSince: undefined }, running, false, 1000, 30)).toEqual({ silentSince: 1000 });
    expect(judgeHung({ silentSince: 1000 }, running, false, 30_999, 30)).toEqual({ silentSince: 1000 });
    expect(judgeHung({ silentSince: 1000 }, running, false, 31_000, 30)).toBe('kill');
  });
});

describe('the controller’s command line', () => {
  const calls: string[] = [];
  const group: Group = {
    name: 'database',
    members: ['postgres-1', 'postgres-2'],
    status: async () => ({ 'postgres-1': { role: 'leader', ok: true, details: {} } }),
    handover: async (service) => void calls.push(`handover ${service}`),
    settled: async (service, seconds) => void calls.push(`settled ${service} ${seconds}`),
    switchover: async (wanted) => {
      calls.push(`switchover ${JSON.stringify(wanted)}`);
      return 'changed';
    },
    failover: async (wanted) => {
      calls.push(`failover ${JSON.stringify(wanted)}`);
      return 'unchanged';
    },
  };
  const ask = (line: string) => clusterctl(line.split(' '), [group], () => {});
  it.each([
    ['handover postgres-1', 'handover postgres-1'],
    ['settled postgres-2 30', 'settled postgres-2 30'],
    ['switchover', 'switchover {}'],
    ['switchover --to postgres-2', 'switchover {"to":"postgres-2"}'],
    ['switchover --from postgres-1', 'switchover {"from":"postgres-1"}'],
    ['failover --to postgres-2', 'failover {"to":"postgres-2"}'],
    ['failover --to postgres-2 --force', 'failover {"to":"postgres-2","force":true}'],
  ])('%s', async (line, call) => {
    calls.length = 0;
    await ask(line);
    expect(calls).toEqual([call]);
  });
  it('says whether anything was changed', async () => {
    expect([await ask('switchover'), await ask('failover')]).toEqual(['changed\n', 'unchanged\n']);
  });
  it('prints what all groups say', async () => {
    expect(JSON.parse(await ask('status'))).toEqual({ 'postgres-1': { role: 'leader', ok: true, details: {} } });
  });
  it.each(['', 'what', 'settled postgres-1', 'settled postgres-1 soon', 'switchover postgres-2', 'switchover --to'])(
    'refuses “%s”',
    async (line) => {
      await expect(ask(line)).rejects.toThrow(/^usage: /);
    },
  );
  it('names the members where it is asked about something else', async () => {
    await expect(ask('handover redis-1')).rejects.toThrow('redis-1 is no member of a group; members are postgres-1, postgres-2');
  });
});

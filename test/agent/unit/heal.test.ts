import { describe, expect, it } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import type { EngineClient, ListedContainer } from '../../../src/agent/engine-client.ts';
import type { Group } from '../../../src/agent/group.ts';
import { healer, newHealerMemory } from '../../../src/agent/healing.ts';
import { newTally } from '../../../src/agent/metrics/tally.ts';
import { type HealLimits, type History, mayLead, type Patient, planHealing } from '../../../src/agent/plan/heal.ts';
import type { MemberState } from '../../../src/stack/member.ts';
import { holds } from '../../../src/state/plan/hold.ts';

const LIMITS: HealLimits = { endedSeconds: 3, unhealthySeconds: 60, attempts: 5 };
const SECOND = 1000;

const patient = (service: string, more: Partial<Patient> = {}): Patient => ({
  service,
  container: `p-${service}-1`,
  after: [],
  state: 'running',
  exitCode: undefined,
  health: 'healthy',
  stopped: false,
  halfRestarted: false,
  treating: false,
  ...more,
});
const ended = (service: string, exitCode: number, more: Partial<Patient> = {}) =>
  patient(service, { state: 'exited', exitCode, health: 'none', ...more });
const unhealthy = (service: string, more: Partial<Patient> = {}) => patient(service, { health: 'unhealthy', ...more });
const database = { group: 'database' };
const effects = () => ({ groups: [], log: () => {}, tally: newTally(), memory: newHealerMemory(), hears: () => true });

/** A round every three seconds over what `at` shows; when each treatment came, in seconds. */
function course(seconds: number, at: (second: number) => Patient[], leads: (second: number) => string[] = () => []): string[] {
  let histories: Record<string, History> = {};
  const told: string[] = [];
  for (let second = 0; second <= seconds; second += 3) {
    const plan = planHealing(at(second), histories, new Set(leads(second)), LIMITS, second * SECOND);
    histories = plan.histories;
    for (const { do: what, service } of plan.treatments) told.push(`${second} ${what} ${service}`);
  }
  return told;
}

describe('what has ended', () => {
  it.each([
    ['killed', ended('app-1', 137), ['3 start app-1']],
    ['failed', ended('app-1', 1), ['3 start app-1']],
    ['ended by itself', ended('app-1', 0), []],
    ['told to stop by SIGTERM', ended('app-1', 143), []],
    ['told to stop by SIGINT', ended('app-1', 130), []],
    ['stopped by somebody, who had to kill it', ended('app-1', 137, { stopped: true }), []],
    ['stopped by a restart of the agent that failed', ended('app-1', 0, { halfRestarted: true }), ['3 start app-1']],
    ['never started', patient('app-1', { state: 'created', health: 'none' }), []],
    ['restarted by the engine itself', patient('app-1', { state: 'restarting', exitCode: 1, health: 'none' }), []],
    ['paused by somebody', patient('app-1', { state: 'paused' }), []],
    ['gone', patient('app-1', { state: undefined, health: 'none' }), []],
  ])('%s', (_how, seen, expected) => {
    expect(course(15, () => [seen])).toEqual(expected);
  });

  it('is left to the restart policy and the fencer first', () => {
    expect(course(30, (second) => [second < 3 ? ended('postgres-1', 137) : patient('postgres-1')])).toEqual([]);
  });

  it('is started with longer and longer pauses, then left alone until ten minutes are over', () => {
    const told = course(1200, () => [ended('app-1', 1)]);
    expect(told.slice(0, 6)).toEqual([
      '3 start app-1',
      '18 start app-1',
      '48 start app-1',
      '108 start app-1',
      '228 start app-1',
      '231 give-up app-1',
    ]);
    // The first of the five is ten minutes old, and so it goes on.
    expect(told[6]).toMatch(/^6\d\d start app-1$/);
  });

  it('has no history once it was well for ten seconds: what is killed again and again is started again and again', () => {
    const died = (second: number) => second % 24 < 6;
    const told = course(575, (second) => [died(second) ? ended('postgres-1', 137, database) : patient('postgres-1', database)]);
    expect(told).toHaveLength(24);
    expect(told.every((line) => line.includes(' start '))).toBe(true);
  });

  it('has one while it never is well for so long', () => {
    const states = [ended('app-1', 1), ended('app-1', 1), patient('app-1'), patient('app-1', { health: 'starting' }), patient('app-1')];
    const told = course(300, (second) => [states[(second / 3) % 5] as Patient]);
    expect(told.slice(0, 6).map((line) => line.split(' ')[1])).toEqual(['start', 'start', 'start', 'start', 'start', 'give-up']);
  });

  it('is started whatever the others do: all members of a group at once', () => {
    expect(course(6, () => [ended('postgres-1', 137, database), ended('postgres-2', 137, database)])).toEqual([
      '3 start postgres-1',
      '3 start postgres-2',
    ]);
  });
});

describe('what is unhealthy', () => {
  it('is restarted after its time, and not before', () => {
    expect(course(63, () => [unhealthy('edge')])).toEqual(['60 restart edge']);
    expect(course(300, (second) => [second % 60 < 57 ? unhealthy('edge') : patient('edge')])).toEqual([]);
  });

  it('restarts beside three others at most: a host under load makes all unhealthy at once', () => {
    const all = (treating: number) => [1, 2, 3, 4, 5, 6].map((n) => unhealthy(`app-${n}`, { treating: n <= treating }));
    const restarted = (second: number, treating: number) =>
      course(second, (at) => all(at < second ? 6 : treating)).map((line) => line.split(' ').at(-1));
    expect(restarted(60, 0)).toEqual(['app-1', 'app-2', 'app-3', 'app-4']);
    expect(restarted(60, 3)).toEqual(['app-4']);
    expect(restarted(60, 4)).toEqual([]);
  });

  it('is left alone while what it needs is away', () => {
    expect(course(300, () => [unhealthy('app-1', { after: ['db-router'] }), patient('db-router', { state: 'paused' })])).toEqual([]);
    const etcd = { group: 'coordination' };
    const needs = { ...database, after: ['etcd-1', 'etcd-2'] };
    const one = [unhealthy('postgres-1', needs), patient('etcd-1', { ...etcd, state: 'paused' }), patient('etcd-2', etcd)];
    expect(course(63, () => one)).toEqual(['60 restart postgres-1']);
    expect(course(63, () => [one[0] as Patient, ended('etcd-1', 0, etcd), ended('etcd-2', 0, etcd)])).toEqual([]);
  });

  it('hands over first where it leads, and is restarted once it does not', () => {
    const both = [unhealthy('postgres-1', database), patient('postgres-2', database)];
    expect(
      course(
        80,
        () => both,
        (second) => [second < 66 ? 'postgres-1' : 'postgres-2'],
      ),
    ).toEqual(['60 handover postgres-1', '66 restart postgres-1']);
  });

  it('is restarted all the same where handing over has not helped for a minute', () => {
    const both = [unhealthy('postgres-1', database), patient('postgres-2', database)];
    expect(
      course(
        121,
        () => both,
        () => ['postgres-1'],
      ),
    ).toEqual(['60 handover postgres-1', '120 restart postgres-1']);
  });

  it('is restarted where it leads and nobody could take over', () => {
    expect(
      course(
        63,
        () => [unhealthy('postgres-1', database)],
        () => ['postgres-1'],
      ),
    ).toEqual(['60 restart postgres-1']);
  });

  it('waits for another member of its group that is about to be started, and not for one that stays away', () => {
    const leader = unhealthy('postgres-1', database);
    const kill = (second: number) => (second < 57 || second > 66 ? patient('postgres-2', database) : ended('postgres-2', 137, database));
    expect(course(72, (second) => [leader, kill(second)])).toEqual(['60 start postgres-2', '69 restart postgres-1']);
    expect(course(63, () => [leader, ended('postgres-2', 0, database)])).toEqual(['60 restart postgres-1']);
    const told = course(300, () => [leader, ended('postgres-2', 137, database)]);
    expect(told.filter((line) => / give-up |postgres-1$/.test(line)).slice(0, 2)).toEqual([
      '231 give-up postgres-2',
      '234 restart postgres-1',
    ]);
  });

  it('waits while another member of its group comes back', () => {
    const starting = patient('postgres-2', { ...database, health: 'starting' });
    expect(course(200, () => [unhealthy('postgres-1', database), starting])).toEqual([]);
  });

  it('waits no longer than ten minutes for a member that Docker restarts again and again', () => {
    const loop = [
      patient('postgres-2', { ...database, health: 'starting' }),
      ended('postgres-2', 1, database),
      patient('postgres-2', { ...database, state: 'restarting', exitCode: 1, health: 'none' }),
      patient('postgres-2', { ...database, health: 'none' }),
    ];
    const told = course(660, (second) => [unhealthy('postgres-1', database), loop[(second / 3) % 4] as Patient]);
    expect(told.filter((line) => line.endsWith('postgres-1'))[0]).toBe('600 restart postgres-1');
  });

  it('waits again for a member that was restarted since', () => {
    const other = (second: number) =>
      patient('postgres-2', { ...database, health: second >= 600 && second < 630 ? 'unhealthy' : 'starting' });
    const told = course(900, (second) => [
      second < 630 ? patient('postgres-1', database) : unhealthy('postgres-1', database),
      other(second),
    ]);
    expect(told).toEqual([]);
  });
});

describe('never, whatever happens', () => {
  const random = (seed: number) => () => {
    // A linear congruential generator: the same course each time.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  it.each(Array.from({ length: 50 }, (_, seed) => seed))('is more than one member of a group taken away at once (course %i)', (seed) => {
    const next = random(seed);
    const states = ['running', 'running', 'running', 'exited', 'restarting', 'paused'];
    const healths = ['healthy', 'unhealthy', 'unhealthy', 'starting'] as const;
    const names = ['postgres-1', 'postgres-2', 'postgres-3'];
    let histories: Record<string, History> = {};
    let seen = names.map((name) => patient(name, database));
    const treated: Record<string, number[]> = {};
    for (let now = 0; now < 3600 * SECOND; now += 3 * SECOND) {
      if (next() < 0.1) {
        seen = names.map((name) => {
          const state = states[Math.floor(next() * states.length)] as string;
          return patient(name, {
            ...database,
            state,
            exitCode: next() < 0.5 ? 137 : 0,
            health: healths[Math.floor(next() * 4)] as 'healthy',
          });
        });
      }
      const leader = names[Math.floor(next() * 3)] as string;
      const plan = planHealing(seen, histories, new Set([leader]), LIMITS, now);
      histories = plan.histories;
      const away = plan.treatments.filter(({ do: what }) => what === 'restart' || what === 'handover');
      expect(away.length).toBeLessThanOrEqual(1);
      for (const { do: what, service } of plan.treatments) {
        const state = seen.find((entry) => entry.service === service);
        // Nothing that runs is started, nothing that ended is restarted, nothing that was stopped is touched.
        if (what === 'start') expect(state).toMatchObject({ state: 'exited', exitCode: 137 });
        if (what === 'restart') expect(state).toMatchObject({ state: 'running', health: 'unhealthy' });
        if (what === 'start' || what === 'restart') treated[service] = [...(treated[service] ?? []), now];
      }
      for (const times of Object.values(treated)) {
        const last = times.slice(-2);
        if (last.length === 2) expect((last[1] as number) - (last[0] as number)).toBeGreaterThanOrEqual(15 * SECOND);
      }
    }
  });
});

it.each([
  [undefined, false],
  [0, true],
  [59, true],
  [60, false],
  [-5, true],
  [-3600, false],
])('a hold that was touched %s s ago holds: %s', (age, expected) => {
  expect(holds(age === undefined ? undefined : 1_000_000 - age * SECOND, 1_000_000)).toBe(expected);
});

describe('a container that was stopped on purpose', () => {
  /** Rounds with what the engine lists and tells; the containers that were started. */
  async function rounds(course: readonly { told?: string; meanwhile?: string; state: 'running' | 'exited' }[]): Promise<string[]> {
    const started: string[] = [];
    let second = 0;
    let state: 'running' | 'exited' = 'running';
    let meanwhile: string | undefined;
    const tell = (action: string) => heal.told({ action, container: 'p-redis-1-1', at: second });
    const list = async (): Promise<ListedContainer[]> => {
      if (meanwhile) tell(meanwhile);
      return [{ container: 'p-redis-1-1', state, exitCode: state === 'exited' ? 137 : undefined, health: 'none' }];
    };
    const engine = { list, start: async (container: string) => void started.push(container) } as unknown as EngineClient;
    const containers = [{ service: 'redis-1', container: 'p-redis-1-1', after: [] }];
    const config = { containers, unhealthySeconds: 60, attempts: 5 } as unknown as AgentConfig;
    const heal = healer(config, { ...effects(), engine, now: () => second * SECOND });
    for (const step of course) {
      if (step.told) tell(step.told);
      meanwhile = step.meanwhile;
      second += 3;
      state = step.state;
      await heal.round();
    }
    return started;
  }
  const exited = { state: 'exited' } as const;

  it('is left alone', async () => {
    expect(await rounds([{ state: 'running' }, { told: 'stop', ...exited }, exited, exited, exited])).toEqual([]);
  });
  it('and was started again counts as any other, also where its start was not heard of', async () => {
    expect(await rounds([{ told: 'stop', ...exited }, { state: 'running' }, exited, exited])).toEqual(['p-redis-1-1']);
  });
  it('is left alone too where the list is older than what the engine tells', async () => {
    expect(await rounds([{ state: 'running', meanwhile: 'stop' }, exited, exited, exited])).toEqual([]);
  });
});

describe('who may lead', () => {
  const members = ['postgres-1', 'postgres-2', 'postgres-3'];
  const states = (...roles: MemberState['role'][]) =>
    Object.fromEntries(roles.map((role, index) => [members[index], { role, ok: true, details: {} }]));
  it.each([
    ['is the leader that is known, whatever else is not', states('unknown', 'leader', 'replica'), ['postgres-2']],
    ['is whose role is not known, where no leader is', states('unknown', 'replica', 'replica'), ['postgres-1']],
    ['is none of those that say that they do not', states('replica', 'replica', 'replica'), []],
    ['may be each that the group does not speak of', states('replica'), ['postgres-2', 'postgres-3']],
    ['may be each where the group does not tell', undefined, members],
  ])('%s', (_case, told, expected) => {
    expect(mayLead(members, told)).toEqual(expected);
  });

  it('is not restarted before a handover was tried, also where the group does not tell', async () => {
    let second = 0;
    const done: string[] = [];
    const unwell = (service: string, health: ListedContainer['health']) => ({
      container: service,
      state: 'running',
      exitCode: undefined,
      health,
    });
    const engine = {
      list: async () => [unwell('postgres-1', 'unhealthy'), unwell('postgres-2', 'healthy')],
      restart: async (container: string) => void done.push(`${second} restart ${container}`),
    } as unknown as EngineClient;
    const group: Group = {
      name: 'database',
      members: ['postgres-1', 'postgres-2'],
      status: () => Promise.reject(new Error('no member answers')),
      handover: async (service) => {
        done.push(`${second} handover ${service}`);
        throw new Error('no member answers');
      },
      settled: async () => {},
    };
    const containers = group.members.map((service) => ({ service, container: service, group: 'database', after: [] }));
    const config = { healing: 'act', containers, unhealthySeconds: 60, attempts: 5 } as unknown as AgentConfig;
    const heal = healer(config, { ...effects(), engine, groups: [group], now: () => second * SECOND });
    for (; second <= 123; second += 3) await heal.round();
    expect(done).toEqual(['60 handover postgres-1', '120 restart postgres-1']);
  });
});

describe('healing that only suggests', () => {
  /** Rounds of three seconds over what `at` shows of one container. */
  async function suggestions(seconds: number, at: (second: number) => Partial<ListedContainer>) {
    let second = 0;
    const [told, tally] = [[] as string[], newTally()];
    const container = 'p-app-1-1';
    const listed = (): ListedContainer => ({ container, state: 'running', exitCode: undefined, health: 'healthy', ...at(second) });
    // Anything else asked of this engine is a failure of the test.
    const engine = { list: async () => [listed()] } as unknown as EngineClient;
    const containers = [{ service: 'app-1', container, after: [] }];
    const config = { healing: 'suggest', containers, unhealthySeconds: 60, attempts: 2 } as unknown as AgentConfig;
    const log = (what: string, facts = {}) => void told.push(`${second} ${what} ${Object.values(facts).join(' ')}`);
    const heal = healer(config, { ...effects(), engine, log, now: () => second * SECOND, tally });
    for (; second <= seconds; second += 3) await heal.round();
    return { told, tally };
  }

  it('tells an action once for a fault, again for the next one, and does nothing', async () => {
    const dead = { state: 'exited', exitCode: 137, health: 'none' } as const;
    const { told, tally } = await suggestions(900, (second) => (second < 600 || second > 800 ? dead : {}));
    expect(told).toEqual([
      '3 suggests: start it suggest app-1 it ended with status 137',
      '804 suggests: start it suggest app-1 it ended with status 137',
    ]);
    expect(tally.actions).toMatchObject({ suggest: 2, start: 0 });
    expect(tally.healed).toEqual({});
  });

  it('tells a restart of what stays unhealthy', async () => {
    const { told } = await suggestions(300, () => ({ health: 'unhealthy' }));
    expect(told).toEqual(['60 suggests: restart it suggest app-1 it has been unhealthy for 60 s']);
  });
});

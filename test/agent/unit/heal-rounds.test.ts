import { describe, expect, it } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import type { EngineClient, ListedContainer } from '../../../src/agent/engine-client.ts';
import type { Group } from '../../../src/agent/group.ts';
import { type HealingEffects, healer, newHealerMemory } from '../../../src/agent/healing.ts';
import { newTally } from '../../../src/agent/metrics/tally.ts';

const effects = () => ({ groups: [], log: () => {}, tally: newTally(), memory: newHealerMemory(), hears: () => true });
const SECOND = 1000;

describe('rounds of healing', () => {
  const listed = (container: string, more: Partial<ListedContainer>): ListedContainer => ({
    container,
    state: 'running',
    exitCode: undefined,
    health: 'healthy',
    ...more,
  });
  const killed = { state: 'exited', exitCode: 137, health: 'none' } as const;
  const unwell = { health: 'unhealthy' } as const;

  /** A healer over what `at` shows of each service; what it did, and when. */
  function bed(at: (second: number) => Record<string, Partial<ListedContainer>>, more: Partial<HealingEffects> = {}, grouped = false) {
    const done: string[] = [];
    const bed = { second: 0, done };
    const engine = {
      list: async () => Object.entries(at(bed.second)).map(([service, seen]) => listed(service, seen)),
      start: async (container: string) => void done.push(`${bed.second} start ${container}`),
      restart: async (container: string) => void done.push(`${bed.second} restart ${container}`),
    } as unknown as EngineClient;
    const containers = Object.keys(at(0)).map((service) => ({
      service,
      container: service,
      after: [],
      ...(grouped && service.startsWith('redis') && { group: 'cache' }),
    }));
    const config = { healing: 'act', containers, unhealthySeconds: 60, attempts: 5 } as unknown as AgentConfig;
    const own = { ...effects(), engine, now: () => bed.second * SECOND, ...more };
    const make = () => healer(config, own);
    const rounds = async (heal: ReturnType<typeof make>, until: number) => {
      for (; bed.second <= until; bed.second += 3) await heal.round();
    };
    return { ...bed, make, rounds };
  }
  const group = (more: Partial<Group>): Group => ({
    name: 'cache',
    members: ['redis-1', 'redis-2', 'redis-3'],
    status: async () => ({}),
    handover: () => new Promise(() => {}),
    settled: async () => {},
    ...more,
  });

  it('know of a stop on purpose also after a change of the configuration', async () => {
    const { make, rounds, done } = bed(() => ({ app: killed }));
    make().told({ action: 'stop', container: 'app', at: 0 });
    await rounds(make(), 60);
    expect(done).toEqual([]);
  });

  it('wait longer with what has ended while no events come: it may have been stopped on purpose', async () => {
    const { make, rounds, done } = bed(() => ({ app: killed }), { hears: () => false });
    await rounds(make(), 33);
    expect(done).toEqual(['30 start app']);
  });

  it('heal others while a handover is waited for, and no second member of its group', async () => {
    const seen = (second: number) => ({
      'redis-1': unwell,
      'redis-2': second < 90 ? unwell : {},
      'redis-3': {},
      app: second < 66 ? {} : killed,
    });
    const { make, rounds, done } = bed(seen, { groups: [group({ leaders: async () => ['redis-1'] })] }, true);
    await rounds(make(), 84);
    expect(done).toEqual(['69 start app', '84 start app']);
  });

  it('begin no second treatment of a container while the first is not over', async () => {
    const begun: string[] = [];
    const engine = {
      list: async () => [listed('app', killed)],
      start: (container: string) => {
        begun.push(container);
        return new Promise(() => {});
      },
    } as unknown as EngineClient;
    const { make, rounds } = bed(() => ({ app: killed }), { engine });
    await rounds(make(), 90);
    expect(begun).toEqual(['app']);
  });

  it('leave a group alone whose treatment ended while the list was on its way: that shows what was before it', async () => {
    const done: string[] = [];
    let second = 0;
    let finish = () => {};
    const engine = {
      list: async () => {
        const first = second > 90 ? ({ health: 'starting' } as const) : unwell;
        if (second === 90) finish();
        await new Promise(setImmediate);
        return [listed('redis-1', first), listed('redis-2', unwell), listed('redis-3', {})];
      },
      restart: (container: string) => {
        done.push(`${second} restart ${container}`);
        return new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
    } as unknown as EngineClient;
    const containers = ['redis-1', 'redis-2', 'redis-3'].map((service) => ({ service, container: service, after: [], group: 'cache' }));
    const config = { healing: 'act', containers, unhealthySeconds: 60, attempts: 5 } as unknown as AgentConfig;
    const heal = healer(config, { ...effects(), engine, now: () => second * SECOND });
    for (; second <= 99; second += 3) await heal.round();
    expect(done).toEqual(['60 restart redis-1']);
  });

  it('restart no leader that is not known to lead without a handover, where others lead too', async () => {
    const handed: string[] = [];
    const handover = async (service: string) => void handed.push(service);
    const seen = () => ({ 'redis-1': unwell, 'redis-2': {}, 'redis-3': {} });
    const { make, rounds, done } = bed(seen, { groups: [group({ leaders: async () => ['redis-2', 'redis-1'], handover })] }, true);
    await rounds(make(), 90);
    expect([handed, done]).toEqual([['redis-1'], []]);
    const silent = bed(seen, { groups: [group({ leaders: () => Promise.reject(new Error('no node answers')), handover })] }, true);
    await silent.rounds(silent.make(), 90);
    expect([handed, silent.done]).toEqual([['redis-1', 'redis-1'], []]);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import type { ContainerState } from '../../../src/agent/engine-client.ts';
import { type FencerEffects, fencer } from '../../../src/agent/fence.ts';

const config: AgentConfig = {
  project: 'p',
  engine: { socket: '', ping: '', events: '', list: '' },
  fence: true,
  healing: 'act',
  metrics: null,
  pausedSeconds: 8,
  hungSeconds: 30,
  unhealthySeconds: 60,
  attempts: 5,
  cache: null,
  logs: null,
  containers: ['postgres-1', 'postgres-2'].map((service) => ({ service, container: `p-${service}-1`, group: 'database', after: [] })),
};
const RUNNING: ContainerState = { running: true, paused: false, restarting: false, pid: 7 };
const DEAD: ContainerState = { running: false, paused: false, restarting: false, pid: 0 };
const PAUSED: ContainerState = { ...RUNNING, paused: true };

let lock: { value: string; revision: string } | undefined;
let states: Record<string, ContainerState>;
let calls: string[];
let now: number;
let answers: boolean;
const effects: FencerEffects = {
  now: () => now,
  log: () => {},
  answers: async () => answers,
  etcd: {
    read: async () => {
      calls.push('read');
      return lock;
    },
    deleteUnchanged: async (_key, seen) => {
      calls.push(`release ${seen.value} ${seen.revision}`);
      return true;
    },
  },
  engine: {
    inspect: async (container) => {
      calls.push(`inspect ${container}`);
      return states[container] as ContainerState;
    },
    kill: async (container) => {
      calls.push(`kill ${container}`);
      states[container] = DEAD;
    },
  },
};

beforeEach(() => {
  lock = { value: 'postgres-1', revision: '42' };
  states = { 'p-postgres-1-1': RUNNING, 'p-postgres-2-1': RUNNING };
  calls = [];
  now = 0;
  answers = true;
});

describe('a round of the fencer', () => {
  it('touches nothing while the leader runs', async () => {
    await fencer(config, effects)();
    expect(calls).toEqual(['read', 'inspect p-postgres-1-1']);
  });
  it('reads, proves, and releases what it has read, in this order', async () => {
    states['p-postgres-1-1'] = DEAD;
    await fencer(config, effects)();
    expect(calls).toEqual(['read', 'inspect p-postgres-1-1', 'release postgres-1 42']);
  });
  it.each([
    ['restarting', { ...DEAD, restarting: true }],
    ['dead but for a process', { ...DEAD, pid: 7 }],
    ['running without a process', { ...RUNNING, pid: 0 }],
  ])('proves nothing by a container that is %s', async (_how, state) => {
    states['p-postgres-1-1'] = state;
    await fencer(config, effects)();
    expect(calls).toEqual(['read', 'inspect p-postgres-1-1']);
  });
  it('ends where nobody leads, or somebody that is no member', async () => {
    const round = fencer(config, effects);
    lock = undefined;
    await round();
    lock = { value: 'somebody', revision: '1' };
    await round();
    expect(calls).toEqual(['read', 'read']);
  });
  it('releases nothing where the engine does not answer, or answers too late', async () => {
    const slow = { ...effects, engine: { ...effects.engine, inspect: () => Promise.reject(new Error('the engine did not answer')) } };
    await expect(fencer(config, slow)()).rejects.toThrow('the engine did not answer');
    expect(calls).toEqual(['read']);
  });
  it('releases nothing where the kill fails', async () => {
    states['p-postgres-1-1'] = PAUSED;
    const round = fencer(config, { ...effects, engine: { ...effects.engine, kill: () => Promise.reject(new Error('refused')) } });
    await round();
    now = 8_000;
    await expect(round()).rejects.toThrow('refused');
    expect(calls.filter((call) => call.startsWith('release'))).toEqual([]);
  });
});

describe('a paused leader', () => {
  it('is killed after its time, proven dead again, and only then released', async () => {
    states['p-postgres-1-1'] = PAUSED;
    const round = fencer(config, effects);
    await round();
    now = 7_999;
    await round();
    expect(calls.filter((call) => call.startsWith('kill'))).toEqual([]);
    calls = [];
    now = 8_000;
    await round();
    expect(calls).toEqual(['read', 'inspect p-postgres-1-1', 'kill p-postgres-1-1', 'inspect p-postgres-1-1', 'release postgres-1 42']);
  });
  it('that went on in between has its whole time again', async () => {
    const round = fencer(config, effects);
    for (const [at, state] of [
      [0, PAUSED],
      [5_000, RUNNING],
      [6_000, PAUSED],
      [13_000, PAUSED],
    ] as const) {
      now = at;
      states['p-postgres-1-1'] = state;
      await round();
    }
    expect(calls.some((call) => call.startsWith('kill'))).toBe(false);
  });
  it('that is killed and yet not dead is not killed again in the same round', async () => {
    states['p-postgres-1-1'] = PAUSED;
    const stubborn = { ...effects, engine: { ...effects.engine, kill: async (container: string) => void calls.push(`kill ${container}`) } };
    const round = fencer(config, stubborn);
    await round();
    calls = [];
    now = 9_000;
    await round();
    expect(calls).toEqual(['read', 'inspect p-postgres-1-1', 'kill p-postgres-1-1', 'inspect p-postgres-1-1']);
  });
});

describe('a hung leader', () => {
  it('keeps the lock for as long as its lease lasts, and is killed some time after another leads', async () => {
    answers = false;
    const round = fencer(config, effects);
    await round();
    now = 100_000;
    await round();
    expect(calls.some((call) => call.startsWith('kill') || call.startsWith('release'))).toBe(false);
    lock = { value: 'postgres-2', revision: '50' };
    await round();
    now = 129_000;
    await round();
    expect(calls).not.toContain('kill p-postgres-1-1');
    now = 130_000;
    await round();
    expect(calls).toContain('kill p-postgres-1-1');
    expect(calls.some((call) => call.startsWith('release'))).toBe(false);
  });
  it('is not killed because the agent cannot ask', async () => {
    const unable = { ...effects, answers: () => Promise.reject(new Error('the certificate cannot be read')) };
    const round = fencer(config, unable);
    await round();
    lock = { value: 'postgres-2', revision: '50' };
    for (now = 0; now < 200_000; now += 10_000) await expect(round()).rejects.toThrow('the certificate cannot be read');
    expect(calls).not.toContain('kill p-postgres-1-1');
  });
  it('that answers again is left alone', async () => {
    const round = fencer(config, effects);
    await round();
    lock = { value: 'postgres-2', revision: '50' };
    await round();
    answers = false;
    now = 100_000;
    await round();
    expect(calls).not.toContain('kill p-postgres-1-1');
  });
});

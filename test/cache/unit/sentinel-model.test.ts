import { expect, it } from 'vitest';
import { planSentinel } from '../../../src/agent/sentinel/plan/plan.ts';
import { sentinelStatus } from '../../../src/agent/sentinel/plan/status.ts';
import { sentinelModel } from '../../support/data/sentinel-model.ts';

type Model = ReturnType<typeof sentinelModel>;

/** Numbers that look random and are the same in every run (Park and Miller 1988), so that a failure can be repeated. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
}

/** One round of the controller. Whatever it does, what both nodes had stays on a disk. */
function round(model: Model, log: string[]): number {
  const { commands } = planSentinel(model.observe());
  for (const command of commands) {
    model.obey(command);
    log.push(JSON.stringify(command));
  }
  model.tick();
  expect(model.lost(), `data lost after\n${log.slice(-20).join('\n')}`).toEqual([]);
  return commands.length;
}

function converge(model: Model, log: string[]): void {
  for (let i = 0, quiet = 0; i < 60; i++) {
    quiet = round(model, log) === 0 ? quiet + 1 : 0;
    if (quiet >= 4) return;
  }
  throw new Error(`no rest after 60 rounds:\n${log.slice(-40).join('\n')}`);
}

function expectWhole(model: Model, log: string[]): void {
  const states = Object.values(sentinelStatus(model.observe()));
  expect(
    states.every(({ ok }) => ok),
    `${JSON.stringify(states)}\n${log.slice(-20).join('\n')}`,
  ).toBe(true);
  expect(states.filter(({ role }) => role === 'leader')).toHaveLength(1);
}

it('makes a leader, a follower and sentinels out of nothing, and then has nothing to do', () => {
  const [model, log] = [sentinelModel(), [] as string[]];
  converge(model, log);
  expectWhole(model, log);
  expect(round(model, log)).toBe(0);
});

const MEMBERS = ['cache-1', 'cache-2', 'sentinel-1', 'sentinel-2', 'sentinel-3'];

it.each(Array.from({ length: 60 }, (_, i) => i + 1))(
  'comes back from kills and restarts in any order, with all that both nodes had (%i)',
  (seed) => {
    const [model, log, dice] = [sentinelModel(), [] as string[], random(seed * 7919)];
    converge(model, log);
    for (let turn = 0; turn < 12; turn++) {
      const chosen = MEMBERS.filter(() => dice(3) === 0);
      for (const name of chosen) model.down(name);
      log.push(`down ${chosen.join(' ')}`);
      for (let i = dice(14); i > 0; i--) round(model, log);
      for (const name of [...chosen].sort(() => dice(3) - 1)) {
        model.start(name);
        if (dice(2) === 0) round(model, log);
      }
      converge(model, log);
      expectWhole(model, log);
      const leader = model.nodes.find(({ leads }) => leads);
      expect(model.lostIn(leader?.has), `turn ${turn}: ${log.slice(-30).join('\n')}`).toEqual([]);
    }
  },
);

it.each(Array.from({ length: 40 }, (_, i) => i + 1))(
  'loses nothing where one node or any sentinels come back without their data (%i)',
  (seed) => {
    const [model, log, dice] = [sentinelModel(), [] as string[], random(seed * 104_729)];
    converge(model, log);
    for (let turn = 0; turn < 12; turn++) {
      converge(model, log);
      const node = `cache-${1 + dice(2)}`;
      const wiped = [...(dice(2) === 0 ? [node] : []), ...['sentinel-1', 'sentinel-2', 'sentinel-3'].filter(() => dice(2) === 0)];
      for (const name of wiped) model.down(name);
      // At once, or after a failover.
      for (let i = dice(3) === 0 ? dice(5) : 0; i > 0; i--) model.tick();
      for (const name of wiped) {
        model.start(name, true);
        if (dice(2) === 0) round(model, log);
      }
      log.push(`wiped ${wiped.join(' ')}`);
      converge(model, log);
      expectWhole(model, log);
      expect(model.lostIn(model.nodes.find(({ leads }) => leads)?.has), log.slice(-20).join('\n')).toEqual([]);
    }
  },
);

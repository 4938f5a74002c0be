import { expect, it } from 'vitest';
import { planCache } from '../../../src/agent/cache/plan/plan.ts';
import { complement } from '../../../src/agent/cache/plan/ranges.ts';
import { cacheModel } from '../../support/data/cache-model.ts';

type Model = ReturnType<typeof cacheModel>;

/** Numbers that look random and are the same in every run (Park and Miller 1988), so that a failure can be repeated. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
}

/** A controller's round, or that of two controllers at once: both have looked before either acts. */
function round(model: Model, log: string[], twice = false) {
  const plans = [planCache(model.observe()), ...(twice ? [planCache(model.observe())] : [])];
  for (const command of plans.flatMap(({ commands }) => commands)) {
    const before = model.reachable();
    model.obey(command);
    log.push(JSON.stringify(command));
    const lost = [...before].filter((shard) => !model.reachable().has(shard));
    expect(lost, `data lost by ${JSON.stringify(command)} after\n${log.join('\n')}`).toEqual([]);
  }
  model.tick();
  return plans[0]?.commands.length ?? 0;
}

function converge(model: Model, log: string[], twice = false) {
  for (let i = 0, quiet = 0; i < 120; i++) {
    quiet = round(model, log, twice) === 0 ? quiet + 1 : 0;
    if (quiet >= 6) return;
  }
  throw new Error(`no rest after 120 rounds:\n${log.slice(-40).join('\n')}`);
}

/** Three leaders of all slots, each with its replicas, and nobody else known. */
function expectWhole(model: Model, log: string[]) {
  const { nodes, replicas } = model.observe();
  const views = nodes.map(({ view }) => view);
  const own = views.map((view) => view?.known.find(({ flags }) => flags.includes('myself')));
  const leaders = own.filter((self) => (self?.slots.length ?? 0) > 0);
  const told = log.slice(-60).join('\n');
  expect(complement(leaders.flatMap((self) => self?.slots ?? [])), told).toEqual([]);
  expect(
    views.every((view) => view?.known.length === nodes.length),
    told,
  ).toBe(true);
  const strength = leaders.map((leader) => own.filter((self) => self?.master === leader?.id).length);
  if (leaders.length === 3) expect(strength, told).toEqual([replicas, replicas, replicas]);
  else
    expect(
      own.every((self) => self && (self.slots.length > 0 || self.master !== undefined)),
      told,
    ).toBe(true);
}

it.each([3, 6])('makes a cluster of %i out of nothing, and then has nothing to do', (count) => {
  for (const twice of [false, true]) {
    const model = cacheModel(count);
    const log: string[] = [];
    converge(model, log, twice);
    expectWhole(model, log);
    expect(model.nodes.slice(0, 3).map(({ shards }) => [...shards])).toEqual([[0], [1], [2]]);
    expect(planCache(model.observe())).toEqual({ commands: [], problems: [] });
  }
});

it.each([6, 3])(
  'brings %i nodes together again after anything, and never throws data away that is within reach',
  { timeout: 30_000 },
  (count) => {
    for (let seed = 1; seed <= 150; seed++) {
      const next = random(seed * 7919);
      const model = cacheModel(count);
      const log: string[] = [`seed ${seed}`];
      converge(model, log);
      model.write();
      model.tick();
      const pick = () => model.nodes[next(count)] as Model['nodes'][number];
      for (let event = 0; event < 3 + next(10); event++) {
        const what = next(8);
        if (what < 3) pick().up = false;
        else if (what < 6) pick().up = true;
        else if (what === 6) {
          const node = pick();
          model.wipe(node);
          node.up = next(2) === 0;
          log.push(`${node.service} is wiped`);
        } else {
          // All at once, as after a change of the range; sometimes each gets another's old one.
          const shift = next(count);
          const range = next(2);
          model.readdress((index) => `10.${range}.0.${(index + shift) % count}`);
          log.push(`new addresses: range ${range}, shifted by ${shift}`);
        }
        log.push(`up: ${model.nodes.filter(({ up }) => up).map(({ service }) => service)}`);
        for (let i = next(12); i > 0; i--) next(4) === 0 ? model.tick() : round(model, log, next(3) === 0);
      }
      for (const node of model.nodes) node.up = true;
      const held = model.held();
      model.tick();
      converge(model, log);
      expectWhole(model, log);
      const served = new Set(model.nodes.flatMap((node) => [...node.shards].filter((shard) => node.data.has(shard))));
      expect([...served].sort(), log.join('\n')).toEqual([...held].sort());
    }
  },
);

import { describe, expect, it } from 'vitest';
import { decide } from '../../../src/autoscale/plan/decide.ts';
import { NO_STATE } from '../../../src/autoscale/plan/state.ts';
import { type Load, noise, play, START, settings, turns } from './simulate.ts';

/** Requests in flight of all replicas together, over time. */
const flight =
  (total: (second: number) => number): Load =>
  (second) => ({ inFlight: Math.max(0, total(second)) });
const between = (low: number, high: number, second: number, from: number, to: number) =>
  low + (high - low) * Math.min(1, Math.max(0, (second - from) / (to - from)));

describe('a load that', () => {
  it('climbs from 2 replicas to 20 and falls again is followed up and down, with one turn', () => {
    const total = (second: number) => (second < 1200 ? between(10, 225, second, 120, 900) : between(225, 10, second, 1500, 2100));
    const { changes, count, most } = play({ load: flight(total), seconds: 5400 });
    expect([most, count, turns(changes)]).toEqual([20, 2, 1]);
    // Never fewer than the load of that moment needs.
    for (const { second, to, from } of changes) if (to < from) expect(to * 10).toBeGreaterThanOrEqual(total(second));
  });

  it('jumps tenfold is answered within a minute, doubling at most', () => {
    const { changes } = play({ load: flight((second) => (second < 600 ? 15 : 150)), seconds: 1000 });
    expect(changes[0]?.second).toBeLessThanOrEqual(615);
    expect(changes.map(({ from, to }) => [from, to])).toEqual([
      [2, 4],
      [4, 8],
      [8, 15],
    ]);
  });

  it('jumps on a small host is answered with no more new replicas at once than it has processors', () => {
    const { changes } = play({ load: flight(() => 150), seconds: 1000, processors: 2 });
    expect(changes.map(({ to }) => to)).toEqual([4, 6, 8, 10, 12, 14]);
    expect(play({ load: flight(() => 80), seconds: 1000, processors: 1 }).count).toBe(8);
  });

  it('climbs while the host’s processors are busy adds replicas only once they are free, and says so meanwhile', () => {
    const busy = (second: number) => (second < 600 ? 97 : 40);
    const { changes, decisions } = play({ load: flight(() => 150), seconds: 1000, pressure: busy });
    expect(changes[0]?.second).toBe(600);
    expect(decisions.find(({ over }) => over)?.over).toMatch(/the host’s processors are busy \(something waits for one 97 % of the time\)/);
    const own = settings({ hostPressure: 100 });
    expect(play({ own, load: flight(() => 150), seconds: 1000, pressure: () => 100 }).count).toBe(15);
    // The lower limit holds whatever the host is like, and fewer are needed is no question of it.
    expect(play({ own: settings({ min: 4 }), load: flight(() => 0), seconds: 60, pressure: () => 99 }).count).toBe(4);
    expect(play({ load: flight(() => 10), from: 8, seconds: 7200, pressure: () => 99 }).count).toBe(2);
  });

  it('is above for one sample alone changes nothing', () => {
    expect(play({ load: flight((second) => (second === 600 ? 400 : 15)), seconds: 900 }).changes).toEqual([]);
  });

  it.each([1, 2, 3, 4, 5])('swings about the target by noise (%i) does not make the number flap', (seed) => {
    const random = noise(seed);
    const { changes, count } = play({ load: flight(() => 40 + 12 * random()), seconds: 2 * 3600, from: 4 });
    expect(turns(changes)).toBeLessThanOrEqual(1);
    expect(changes.length).toBeLessThanOrEqual(2);
    expect([4, 5]).toContain(count);
  });

  it.each([18, 20, 22, 24, 26, 28, 30, 32, 34])('stays at %i in flight ends at one number and stays there', (total) => {
    const { changes, count } = play({ load: flight(() => total), seconds: 7200, from: 3 });
    expect(turns(changes)).toBe(0);
    expect(total / count).toBeLessThanOrEqual(11);
  });

  it('swings slowly is followed; quickly, it keeps the replicas of its peaks', () => {
    const sine = (period: number) => flight((second) => 80 + 60 * Math.sin((2 * Math.PI * second) / period));
    const quick = play({ load: sine(240), seconds: 4 * 3600, from: 8 });
    expect(turns(quick.changes)).toBe(0);
    expect(quick.count).toBeGreaterThanOrEqual(13);
    const slow = play({ load: sine(3600), seconds: 4 * 3600, from: 8 });
    expect(slow.most).toBeGreaterThanOrEqual(13);
    // One up and one down in each of its four periods.
    expect(turns(slow.changes)).toBeLessThanOrEqual(8);
  });

  it('comes back soon after each removal makes removals wait longer', () => {
    // Calm for 6 minutes, busy for 2: just long enough for a removal, without that.
    const load = flight((second) => (second % 480 < 360 ? 10 : 60));
    const { changes } = play({ load, seconds: 4 * 3600, from: 6 });
    const impatient = play({ load, seconds: 4 * 3600, from: 6, patience: false });
    expect(turns(changes)).toBeLessThanOrEqual(9);
    expect(turns(impatient.changes)).toBeGreaterThan(30);
  });

  it('ends lets replicas go a quarter at a time, after the window', () => {
    const { changes } = play({ load: flight((second) => (second < 400 ? 190 : 0)), seconds: 3600, from: 20 });
    expect(changes[0]?.second).toBeGreaterThanOrEqual(395 + 300);
    expect(changes.map(({ to }) => to)).toEqual([18, 14, 11, 9, 7, 6, 5, 4, 3, 2]);
    for (const [index, { second }] of changes.slice(1).entries()) expect(second - (changes[index]?.second ?? 0)).toBeGreaterThanOrEqual(30);
  });
});

describe('the limits', () => {
  it('are not passed, and a load beyond is told', () => {
    const { count, state } = play({ load: flight(() => 900), seconds: 1200 });
    expect(count).toBe(20);
    expect(state.over).toMatchObject({
      why: expect.stringMatching(/^45 in flight on each of 20 replicas \(target 10\): 20 is app\.autoscale\.max$/),
    });
  });
  it('are applied to a number that is outside of them, without any load', () => {
    const none: Load = () => undefined;
    expect(play({ load: none, seconds: 60, from: 30 }).changes).toMatchObject([{ from: 30, to: 20 }]);
    expect(play({ load: none, seconds: 60, from: 1 }).changes).toMatchObject([{ from: 1, to: 2, reason: 'app.autoscale.min is 2' }]);
  });
  it('of the host’s memory allow fewer, and the reason says so', () => {
    const load = flight(() => 80);
    const some = play({ load, seconds: 15, free: 2.5 * 1024 ** 3, each: 1024 ** 3, from: 3 });
    expect(some.changes).toMatchObject([{ from: 3, to: 5 }]);
    expect(some.changes[0]?.reason).toMatch(
      /6 replicas would be right, but the host has 2\.5 GiB of memory left, and a replica may take 1\.0 GiB/,
    );
    const none = play({ load, seconds: 600, free: 512 * 1024 ** 2, each: 1024 ** 3, from: 3 });
    expect(none.changes).toEqual([]);
    expect(none.state.over?.why).toMatch(/the host has 512 MiB of memory left/);
  });
});

describe('what is not known', () => {
  it('changes nothing: the sensors fail while the load falls or climbs', () => {
    const broken =
      (total: number): Load =>
      (second) =>
        second > 200 ? undefined : { inFlight: total };
    for (const total of [100, 60]) expect(play({ load: broken(total), seconds: 7200, from: 10 }).changes).toEqual([]);
  });
  it('for a part of the window is not idle: removals wait for a whole one', () => {
    const load: Load = (second) => (second > 200 && second < 280 ? undefined : { inFlight: 5 });
    expect(play({ load, seconds: 1200, from: 4 }).changes[0]?.second).toBeGreaterThanOrEqual(280 + 300);
  });
  it('because no run was there does not count either; the pause between two runs does', () => {
    const load = flight(() => 5);
    expect(
      play({ load, seconds: 900, from: 4, paused: (second) => second > 250 && second < 300 }).changes[0]?.second,
    ).toBeGreaterThanOrEqual(600);
    expect(play({ load, seconds: 900, from: 4, paused: (second) => second % 60 > 50 }).changes[0]?.second).toBeLessThanOrEqual(310);
  });
  it('of one target keeps replicas, though another target would let them go', () => {
    const own = settings({ cpuPercent: 70 });
    expect(play({ own, load: () => ({ inFlight: 1 }), seconds: 3600, from: 6 }).changes).toEqual([]);
    expect(play({ own, load: () => ({ inFlight: 1, cpus: 0.1 }), seconds: 3600, from: 6 }).count).toBe(2);
  });
  it('of one target does not hinder another to ask for more', () => {
    expect(play({ own: settings({ cpuPercent: 70 }), load: () => ({ inFlight: 55 }), seconds: 600 }).count).toBe(6);
  });
  it('is the load where no replica is ready', () => {
    const at = { now: START, own: settings(), count: 4, memory: { free: undefined, each: 1 }, processors: 8 };
    const samples = Array.from({ length: 80 }, (_, index) => ({ at: START - (80 - index) * 5000, ready: 0, inFlight: 100 }));
    expect(decide({ ...at, state: { ...NO_STATE, samples } })).toMatchObject({ action: 'keep', reason: 'no replica is ready' });
  });
  it('after the clock was put back, and forward', () => {
    const { state } = play({ load: flight(() => 5), seconds: 600, from: 2 });
    const past = play({
      load: flight(() => 5),
      seconds: 60,
      from: 6,
      state: { ...state, samples: state.samples.map((sample) => ({ ...sample, at: sample.at + 3_600_000 })) },
    });
    expect(past.changes).toEqual([]);
    const late = { ...state, samples: [], lastUp: START + 7_200_000, blocked: { until: START + 7_200_000, why: 'another command' } };
    const { changes } = play({ load: flight(() => 60), seconds: 120, from: 2, state: late });
    expect(changes[0]?.second).toBeLessThanOrEqual(40);
    const ahead = { now: START + 7_200_000, own: settings(), count: 6, state, memory: { free: undefined, each: 1 }, processors: 8 };
    expect(decide(ahead)).toMatchObject({ action: 'keep', reason: expect.stringMatching(/the load is not known/) });
  });
});

describe('CPU and latency', () => {
  const own = (more: object) => settings({ inFlight: undefined, ...more });
  it('of processors in use asks for replicas, as `docker stats` counts', () => {
    const { count, changes } = play({ own: own({ cpuPercent: 60 }), load: () => ({ inFlight: 1, cpus: 2.9 }), seconds: 900 });
    expect(count).toBe(5);
    expect(changes[0]?.reason).toMatch(/^145 % of a processor on each of 2 replicas \(target 60 %\) for 30 s$/);
  });
  it('of answers that take too long asks for replicas, until they do not', () => {
    // As many requests as 6 replicas can serve in time.
    const load: Load = (_second, ready) => ({ inFlight: 60, answers: { count: 100, ms: 100 * Math.max(50, (200 * 6) / ready) } });
    const { count, changes } = play({ own: own({ latencyMs: 200 }), load, seconds: 3600 });
    expect(turns(changes)).toBe(0);
    expect(count).toBe(6);
    expect(changes[0]?.reason).toMatch(/^answers begin after 600 ms with 30 in flight on each of 2 \(target 200 ms\) for 30 s$/);
  });
  it('of slow answers to few requests asks for nothing: replicas share requests, and make none faster', () => {
    const { changes } = play({
      own: own({ latencyMs: 200 }),
      load: () => ({ inFlight: 1, answers: { count: 3, ms: 9000 } }),
      seconds: 3600,
    });
    expect(changes).toEqual([]);
  });
  it('of no answers at all is idle if nothing is in flight, and unknown if something is', () => {
    const idle: Load = () => ({ inFlight: 0, answers: { count: 0, ms: 0 } });
    expect(play({ own: own({ latencyMs: 200 }), load: idle, seconds: 3600, from: 5 }).count).toBe(2);
    const hung: Load = () => ({ inFlight: 40, answers: { count: 0, ms: 0 } });
    expect(play({ own: own({ latencyMs: 200 }), load: hung, seconds: 3600, from: 5 }).changes).toEqual([]);
  });
});

describe('a change', () => {
  const load = flight((second) => (second < 60 ? 15 : 38));
  it('that fails is tried again, later each time, and nothing is added meanwhile', () => {
    const { changes, count, state } = play({ load: flight(() => 100), seconds: 1800, fails: () => true });
    expect(count).toBe(4);
    expect(changes.map(({ to }) => to)).toEqual(Array(changes.length).fill(4));
    const times = changes.map(({ second }) => second);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps.slice(0, 4)).toEqual([70, 130, 250, 490]);
    expect(state.over?.why).toMatch(/the change to 4 is not complete/);
    expect(state.actions.at(-1)).toMatchObject({ from: 2, to: 4, result: 'failed', message: 'app-3 does not become ready' });
  });
  it('that was killed is completed by the next run', () => {
    const state = begunState();
    const { changes } = play({ load: () => undefined, seconds: 30, from: 4, state });
    expect(changes).toMatchObject([{ second: 0, from: 2, to: 4, reason: 'because' }]);
  });
  it('that was killed is forgotten where a person has chosen another number since', () => {
    expect(play({ load: () => undefined, seconds: 30, from: 5, state: begunState() }).changes).toEqual([]);
  });
  it('waits for what a person has paused, and the reason says who and until when', () => {
    const pause = { until: new Date(START + 3_600_000).toISOString(), replicas: 2, by: 'eva' };
    const { changes, state } = play({ load, seconds: 7200, pause });
    expect(changes[0]?.second).toBeGreaterThanOrEqual(3600);
    const paused = play({ load, seconds: 600, pause });
    expect(paused.state.over?.why).toMatch(/paused at 2 replicas by eva until 2026-11-30 11:00:00 UTC$/);
    expect(state.over).toBeUndefined();
  });
  it('is not decided before the last one shows in the load', () => {
    const { changes } = play({ load: flight(() => 200), seconds: 400, takes: 60 });
    for (const [index, { second }] of changes.slice(1).entries()) expect(second - (changes[index]?.second ?? 0)).toBeGreaterThanOrEqual(90);
  });
  it('leaves replicas that are not ready out of what carries the load', () => {
    const samples = Array.from({ length: 100 }, (_, index) => ({ at: START - (99 - index) * 5000, ready: 3, inFlight: 18 }));
    const decision = decide({
      now: START,
      own: settings(),
      count: 6,
      state: { ...NO_STATE, samples },
      memory: { free: undefined, each: 1 },
      processors: 8,
    });
    // 2 would carry it, and 3 of 6 are not ready.
    expect(decision).toMatchObject({ action: 'down', to: 5 });
    const at5 = decide({
      now: START,
      own: settings(),
      count: 5,
      state: { ...NO_STATE, samples },
      memory: { free: undefined, each: 1 },
      processors: 8,
    });
    expect(at5).toMatchObject({ action: 'down', to: 4 });
    const at4 = decide({
      now: START,
      own: settings({ min: 1 }),
      count: 3,
      state: { ...NO_STATE, samples: samples.map((sample) => ({ ...sample, ready: 2 })) },
      memory: { free: undefined, each: 1 },
      processors: 8,
    });
    expect(at4.action).toBe('keep');
  });
});

const begunState = () => ({ ...NO_STATE, unfinished: { from: 2, to: 4, reason: 'because', attempts: 1, retryAt: START } });

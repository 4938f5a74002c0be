import { describe, expect, it } from 'vitest';
import { AUTOSCALE_SCHEDULE, autoscaleAdvice } from '../../../src/autoscale/plan/schedule.ts';
import { type AutoscaleState, NO_STATE } from '../../../src/autoscale/plan/state.ts';
import { autoscaleChecks, autoscaleNotes, autoscaleView, describeAutoscale, type Known } from '../../../src/autoscale/plan/status.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { START, settings } from './simulate.ts';

const minutes = (count: number) => START - count * 60_000;
type Parts = { [key in keyof AutoscaleState]?: AutoscaleState[key] | undefined };
const known = (state: Parts = {}, more: Partial<Known> = {}): Known => ({
  now: START,
  own: settings(),
  balanced: true,
  count: 4,
  state: {
    ...NO_STATE,
    looked: START - 5000,
    samples: [{ at: START - 5000, ready: 4, inFlight: 12 }],
    decision: 'calm',
    ...state,
  } as AutoscaleState,
  pause: undefined,
  ...more,
});
const PAUSE = { until: new Date(START + 3_600_000).toISOString(), replicas: 4, by: 'eva' };
const action = { at: new Date(minutes(3)).toISOString(), from: 2, to: 4, reason: 'busy', result: 'done' as const, seconds: 12 };

describe('health', () => {
  const check = (...args: Parameters<typeof known>) => autoscaleChecks(known(...args))[0];
  it('says nothing where autoscaling is off', () => {
    expect(autoscaleChecks(known({}, { own: undefined }))).toEqual([]);
  });
  it('is ok with the number, the limits and the load', () => {
    expect(check()).toEqual({
      id: 'autoscale',
      status: 'ok',
      message: 'autoscaling: 4 replicas, 2 to 20; 3 in flight on each of 4 replicas (target 10)',
      value: 4,
    });
  });
  it.each<[string, Parts, Partial<Known>, string, RegExp]>([
    ['without a balancer', {}, { balanced: false }, 'warn', /no effect without a balancer/],
    ['that never ran', { looked: undefined }, {}, 'warn', /has not run yet/],
    ['that has not run for long', { looked: minutes(6) }, {}, 'fail', /has not run since 2026-11-30 09:54:00 UTC/],
    ['at its maximum', { over: { since: minutes(12), why: '20 is app.autoscale.max' } }, {}, 'warn', /above its target for 12 min: 20 is/],
    ['that cannot read the load', { unreadable: { since: minutes(3), why: 'no answer' } }, {}, 'warn', /does not know the load: no answer/],
    [
      'whose replicas do not become ready',
      {
        unfinished: { from: 2, to: 4, reason: 'busy', attempts: 2, retryAt: START },
        actions: [{ ...action, result: 'failed', message: 'app-3 stays drained\n    log line' }],
      },
      {},
      'warn',
      /autoscaling to 4 replicas failed: app-3 stays drained$/,
    ],
    [
      'that is paused above its target',
      { over: { since: minutes(1), why: 'busy' } },
      { pause: PAUSE },
      'warn',
      /paused at 4 replicas by eva.*: busy/,
    ],
  ])('tells of one %s', (_what, state, more, status, words) => {
    const { remedy, ...found } = check(state, more) ?? {};
    expect(found).toMatchObject({ status, message: expect.stringMatching(words) });
    expect(remedy).toMatch(/\w/);
  });
  it('is ok for a moment above the target, and while it is paused', () => {
    expect(check({ over: { since: minutes(1), why: 'busy' } })?.status).toBe('ok');
    expect(check({}, { pause: PAUSE })).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('paused at 4 replicas by eva until'),
    });
  });
});

describe('autoscale status', () => {
  it('tells number, limits, the last decision and the last actions', () => {
    expect(describeAutoscale(known({ actions: [action] })).split('\n')).toEqual([
      'on: app has 4 replicas (4 ready), 2 to 20',
      '  2026-11-30 09:59:55 UTC: calm',
      '  2026-11-30 09:57:00 UTC: 2 -> 4 in 12 s, busy',
    ]);
  });
  it('tells that it is off, paused, or not run', () => {
    expect(describeAutoscale(known({}, { own: undefined }))).toMatch(/^off: app has 4 replicas/);
    expect(describeAutoscale(known({}, { pause: PAUSE }))).toMatch(
      /^paused: .*\n {2}paused at 4 replicas by eva until 2026-11-30 11:00:00 UTC; `medianest/,
    );
    expect(describeAutoscale(known({ looked: minutes(9) }))).toMatch(
      /^not running: .*\n {2}nothing reads the load: sudo medianest jobs install/,
    );
  });
  it('is data for scripts', () => {
    const samples = [{ at: START, ready: 4, inFlight: 12, cpus: 1.26, answers: { count: 10, ms: 431 } }];
    expect(autoscaleView(known({ samples, actions: [action] }))).toEqual({
      state: 'on',
      replicas: 4,
      ready: 4,
      min: 2,
      max: 20,
      targets: { inFlight: 10, cpuPercent: null, latencyMs: null },
      load: { inFlight: 12, cpuPercent: 126, latencyMs: 43 },
      looked: '2026-11-30T09:59:55.000Z',
      decision: 'calm',
      over: null,
      pause: null,
      actions: [action],
    });
  });
  it('is a line of `status` where it is on', () => {
    expect(autoscaleNotes(known())).toEqual(['autoscaling: 2 to 20 replicas']);
    expect(autoscaleNotes(known({ looked: minutes(9) }))).toEqual(['autoscaling: 2 to 20 replicas, but nothing reads the load']);
    expect(autoscaleNotes(known({}, { pause: PAUSE }))[0]).toMatch(/paused at 4 replicas by eva/);
    expect(autoscaleNotes(known({}, { own: undefined }))).toEqual([]);
  });
});

describe('the job', () => {
  const of = (file: string) => load({ file }).settings;
  const ON = 'app: { autoscale: { min: 2, max: 5, inFlight: 10 } }';
  it('is there where the settings ask for it and there is a balancer', () => {
    expect(AUTOSCALE_SCHEDULE.asked?.(of(`profile: prod\n${ON}`))).toBe(true);
    expect(AUTOSCALE_SCHEDULE.asked?.(of('profile: prod'))).toBe(false);
    expect(AUTOSCALE_SCHEDULE.asked?.(of(`profile: dev\n${ON}`))).toBe(false);
  });
  it('is what is left to the person after a first start, where nothing runs jobs', () => {
    expect(autoscaleAdvice(of(`profile: prod\n${ON}`), false)).toMatchObject([{ command: 'sudo medianest jobs install' }]);
    expect(autoscaleAdvice(of(`profile: prod\n${ON}`), true)).toEqual([]);
    expect(autoscaleAdvice(of('profile: prod'), false)).toEqual([]);
  });
});

describe('the settings', () => {
  const refused = (app: string) => () => load({ file: `profile: prod\napp: { autoscale: ${app} }` });
  it.each([
    ['{ min: 2, max: 5 }', /needs a target: inFlight, cpuPercent or latencyMs/],
    ['{ min: 6, max: 5, inFlight: 1 }', /min should not be above max/],
    ['{ min: 1, max: 101, inFlight: 1 }', /should be at most 100/],
    ['{ min: 2, max: 5, inFlight: 1, downSeconds: 20 }', /should be at least `upSeconds`/],
    ['{ min: 2, max: 5, inflight: 1 }', /inFlight/],
  ])('are refused where they cannot be meant: %s', (text, words) => {
    expect(refused(text)).toThrow(words);
  });
  it.each([
    ['{ autoscale: { min: 2, max: 20, inFlight: 5 } }', /app\.autoscale\.max is 20, and the balancer keeps 10 slots/],
    ['{ cpus: 1, autoscale: { min: 2, max: 5, cpuPercent: 100 } }', /cpuPercent is 100, and a replica may use 1 processors \(100 %\)/],
  ])('are refused where they can never be reached: %s', (text, words) => {
    expect(() => stackOf(load({ file: `profile: prod\napp: ${text}` }))).toThrow(words);
  });
  it('change no container', () => {
    const of = (text: string) => rendered(stackOf(load({ file: `profile: prod\n${text}` })));
    expect(of('app: { autoscale: { min: 2, max: 10, inFlight: 5 } }').files).toEqual(of('').files);
  });
});

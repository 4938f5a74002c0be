import { describe, expect, it } from 'vitest';
import { isDue, KEPT_SCHEDULE } from '../../../src/deploy/plan/schedule.ts';
import {
  added,
  addedByProcess,
  countsOf,
  judge,
  limitFor,
  since,
  type Verdict,
  watchedText,
  worstOf,
  worstText,
} from '../../../src/deploy/plan/watch.ts';
import { parseReplicaCounts } from '../../../src/services/app/balancer-stats.ts';

const watched = (requests: number, errors: number) => countsOf({ a: { requests, errors } });

describe('a release that is watched', () => {
  it.each<[before: [number, number], fresh: [number, number], Verdict]>([
    // Requests and errors, before and since.
    [[1000, 0], [0, 0], 'too few'],
    [[1000, 0], [19, 19], 'too few'],
    [[1000, 0], [20, 0], 'good'],
    [[1000, 0], [20, 4], 'good'],
    [[1000, 0], [20, 5], 'bad'],
    [[1000, 0], [250, 5], 'good'],
    [[1000, 0], [249, 5], 'bad'],
    [[1000, 100], [100, 21], 'good'],
    [[1000, 100], [100, 23], 'bad'],
    [[0, 0], [100, 10], 'bad'],
    [[0, 0], [1000, 20], 'good'],
    [[10, 10], [100, 100], 'good'],
  ])('before %j, since %j: %s', (before, fresh, verdict) => {
    expect(judge(watched(...before), watched(...fresh))).toBe(verdict);
  });
  it('may have twice the share of errors of the one before, and 2 % of its requests besides', () => {
    expect([limitFor(watched(0, 0)), limitFor(watched(100, 1)), limitFor(watched(100, 10))]).toEqual([0.02, 0.04, 0.22]);
  });
  it('is told in requests, errors and both shares', () => {
    expect(watchedText(watched(1000, 1), watched(340, 12))).toBe('340 requests, 12 errors (3.5 %; before: 0.1 %)');
    expect(watchedText(watched(0, 0), watched(0, 0))).toBe('0 requests, 0 errors (no requests; before: no requests)');
  });
});

describe('which process has the errors', () => {
  const replicas = [
    { name: 'app-1', component: 'app' },
    { name: 'backend-1', component: 'backend' },
    { name: 'backend-2', component: 'backend' },
  ];
  const passed = {
    'app-1': { requests: 90, errors: 1 },
    'backend-1': { requests: 5, errors: 4 },
    'backend-2': { requests: 5, errors: 3 },
    gone: { requests: 1, errors: 1 },
  };
  it('is told where the release has several', () => {
    const all = addedByProcess(addedByProcess({}, passed, replicas), { 'backend-1': { requests: 5, errors: 5 } }, replicas);
    expect(all).toEqual({ app: { requests: 90, errors: 1, share: 1 / 90 }, backend: { requests: 15, errors: 12, share: 0.8 } });
    expect([worstOf(all), worstText(all)]).toEqual(['backend', '; 12 of them by backend']);
    expect([worstText(addedByProcess({}, passed, replicas.slice(0, 1))), worstOf({}), worstText({})]).toEqual(['', undefined, '']);
  });
});

describe('what the balancer counts', () => {
  const HEADER = '# pxname,svname,stot,econ,eresp,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other';
  const csv = [
    HEADER,
    'portal,FRONTEND,99,,,0,9,9,9,9,0',
    'app,app-1,200,2,3,1,100,20,10,5,0',
    'app,app-2,0,0,0,,,,,,',
    'app,BACKEND,200,0,0,0,1,1,1,1,1',
  ].join('\n');
  it('is each answer of a replica, and each request that it did not answer', () => {
    expect(parseReplicaCounts(csv)).toEqual({ 'app-1': { requests: 141, errors: 10 }, 'app-2': { requests: 0, errors: 0 } });
  });
  it('is not known from a text that is none: that is not the same as no errors', () => {
    expect([parseReplicaCounts(''), parseReplicaCounts('not allowed'), parseReplicaCounts(HEADER)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
  it('is compared replica by replica; one whose counters begin again counts from zero', () => {
    const before = { 'app-1': { requests: 100, errors: 1 }, 'app-2': { requests: 50, errors: 9 } };
    const now = { 'app-1': { requests: 130, errors: 2 }, 'app-2': { requests: 10, errors: 3 }, 'app-6': { requests: 7, errors: 7 } };
    const difference = since(before, now);
    expect(difference).toEqual({
      'app-1': { requests: 30, errors: 1 },
      'app-2': { requests: 10, errors: 3 },
      'app-6': { requests: 7, errors: 7 },
    });
    expect(countsOf(difference, ['app-1', 'app-2', 'gone'])).toEqual({ requests: 40, errors: 4, share: 0.1 });
    expect(added(watched(60, 1), watched(40, 4))).toEqual({ requests: 100, errors: 5, share: 0.05 });
  });
});

describe('a kept release', () => {
  it('is removed by a job where its settings give it a time', () => {
    const asked = (app: object, balancer = true) => KEPT_SCHEDULE.asked?.({ app, components: { balancer } } as never);
    expect(asked({ strategy: 'blue-green', keepSeconds: 0 })).toBe(true);
    expect([
      asked({ strategy: 'blue-green' }),
      asked({ strategy: 'rolling', keepSeconds: 5 }),
      asked({ strategy: 'blue-green', keepSeconds: 5 }, false),
    ]).toEqual([...[false, false, false]]);
  });
  it('is due once its time has passed, and never where it has none', () => {
    const until = '2026-11-30T12:00:00.000Z';
    expect([isDue(until, Date.parse(until) - 1), isDue(until, Date.parse(until)), isDue(undefined, 1e15)]).toEqual([false, true, false]);
  });
});

import { describe, expect, it } from 'vitest';
import { demandsOf, type Reading, sampleOf } from '../../../src/autoscale/plan/load.ts';
import { pendingOf } from '../../../src/autoscale/plan/pending.ts';
import type { Change } from '../../../src/reconcile/plan/change.ts';
import { parseBalancerLoad } from '../../../src/services/app/balancer-stats.ts';
import { settings } from './simulate.ts';

const HEADER = '# pxname,svname,qcur,scur,stot,status,qtime,ctime,rtime,ttime,';
const STATS = [
  HEADER,
  'portal,FRONTEND,,9,100,OPEN,,,,,',
  'app,app-1,1,4,1000,UP,2,1,30,40,',
  'app,app-2,0,3,900,UP 1/3,0,1,50,60,',
  'app,app-3,0,2,10,DRAIN,0,0,0,0,',
  'app,app-4,0,0,0,MAINT,0,0,0,0,',
  'app,BACKEND,5,9,2000,UP,0,1,40,50,',
].join('\n');

describe('the balancer’s statistics', () => {
  it('tell of each replica that serves, and of what waits', () => {
    expect(parseBalancerLoad(STATS)).toEqual({
      replicas: {
        'app-1': { inFlight: 5, requests: 1000, averageMs: 33 },
        'app-2': { inFlight: 3, requests: 900, averageMs: 51 },
      },
      waiting: 5,
    });
  });
  it.each(['', 'socat: connection refused', HEADER, `${HEADER}\nportal,FRONTEND,,9,100,OPEN,,,,,`])(
    'that are none tell nothing: %j',
    (text) => {
      expect(parseBalancerLoad(text)).toBeUndefined();
    },
  );
});

const reading = (
  at: number,
  replicas: Record<string, [inFlight: number, requests: number, averageMs: number]>,
  cpuSeconds?: Record<string, number>,
): Reading => ({
  at,
  load: {
    replicas: Object.fromEntries(
      Object.entries(replicas).map(([name, [inFlight, requests, averageMs]]) => [name, { inFlight, requests, averageMs }]),
    ),
    waiting: 1,
  },
  cpuSeconds,
});

describe('a sample', () => {
  it('of the first reading has no more than what is in flight', () => {
    expect(sampleOf(undefined, reading(0, { 'app-1': [3, 10, 5] }, { 'app-1': 7 }))).toEqual({ at: 0, ready: 1, inFlight: 4 });
  });
  it('has the processors in use between two readings', () => {
    const before = reading(0, { 'app-1': [0, 0, 0], 'app-2': [0, 0, 0] }, { 'app-1': 7, 'app-2': 1 });
    expect(sampleOf(before, reading(5000, { 'app-1': [0, 0, 0], 'app-2': [0, 0, 0] }, { 'app-1': 11, 'app-2': 2 })).cpus).toBe(1);
  });
  it.each([
    ['was replaced', { 'app-1': 0.1 }],
    ['is not told of', {}],
    ['nothing is told of', undefined],
  ])('does not know them where a replica %s', (_what, after) => {
    expect(sampleOf(reading(0, { 'app-1': [0, 0, 0] }, { 'app-1': 7 }), reading(5000, { 'app-1': [0, 0, 0] }, after))).not.toHaveProperty(
      'cpus',
    );
  });
  it('leaves a balancer that was started again out', () => {
    expect(sampleOf(reading(0, { 'app-1': [0, 900, 20] }), reading(5000, { 'app-1': [0, 10, 20] }))).not.toHaveProperty('answers');
  });

  /** As HAProxy keeps its averages: 512 requests, whole milliseconds. */
  const sliding = () => {
    let sum = 0;
    let requests = 0;
    return {
      add: (ms: number, count: number) => {
        for (let left = count; left > 0; left--) sum = requests++ < 512 ? sum + ms : sum - Math.floor((sum + 511) / 512) + ms;
      },
      now: (): [number, number, number] => [0, requests, Math.floor(sum / Math.max(1, Math.min(512, requests)))],
    };
  };
  it.each([
    [0, 200],
    [100, 100],
    [100, 2000],
    [5000, 100],
    [5000, 1000],
    [5000, 5],
  ])('has the mean of the new answers, after %i others: %i of 400 ms', (others, count) => {
    const haproxy = sliding();
    haproxy.add(50, others);
    const before = reading(0, { 'app-1': haproxy.now() });
    haproxy.add(400, count);
    const { answers } = sampleOf(before, reading(5000, { 'app-1': haproxy.now() }));
    expect(answers?.count).toBe(count);
    // Whole milliseconds of an average over 512 are coarse for a few.
    expect(Math.abs((answers?.ms ?? 0) / count - 400)).toBeLessThan(count < 50 ? 120 : 60);
  });
});

describe('what a load asks for', () => {
  it('is the mean of the samples, in fractions of replicas, by each target', () => {
    const own = settings({ cpuPercent: 50, latencyMs: 100 });
    const samples = [
      { at: 0, ready: 2, inFlight: 20 },
      { at: 5000, ready: 2, inFlight: 40, cpus: 1.5, answers: { count: 10, ms: 2500 } },
    ];
    const found = demandsOf(samples, own);
    expect([found.inFlight?.replicas, found.cpuPercent?.replicas, found.latencyMs?.replicas]).toEqual([3, 3, 5]);
  });
  it('is nothing where no replica is ready, or nothing was measured', () => {
    expect(demandsOf([], settings())).toEqual({});
    expect(demandsOf([{ at: 0, ready: 0, inFlight: 9 }], settings())).toEqual({});
  });
});

describe('a plan that would change more than the number of replicas', () => {
  const change = (service: string, action: Change['action']): Change => ({
    service,
    action,
    cause: 'a reason',
    downtime: 'none',
    dataRisk: 'none',
  });
  const of = (...changes: Change[]) => pendingOf(changes, ['app-1', 'app-2', 'app-3'], ['balancer']);
  it('is told by its first such change', () => {
    expect(of(change('app-1', 'keep'), change('app-2', 'recreate'))).toBe('app-2: recreate, a reason');
    expect(of(change('balancer', 'recreate'))).toBe('balancer: recreate, a reason');
    expect(of(change('egress-plex', 'create'))).toBe('egress-plex: create, a reason');
  });
  it('is none that creates, starts or removes replicas and tells the balancer', () => {
    expect(of(change('app-1', 'keep'), change('app-2', 'start'), change('app-3', 'create'), change('balancer', 'reload'))).toBeUndefined();
    expect(of(change('app-3', 'remove'))).toBeUndefined();
  });
});

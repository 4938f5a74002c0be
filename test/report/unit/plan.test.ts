import { describe, expect, it } from 'vitest';
import { remoteHint } from '../../../src/host/plan/remote-hint.ts';
import type { Point, Series } from '../../../src/metrics/plan/samples.ts';
import { momentText, secondsText, valueText } from '../../../src/report/draw/format.ts';
import { backupView } from '../../../src/report/plan/backups.ts';
import { type DiskForecast, forecastOf } from '../../../src/report/plan/forecast.ts';
import { forecastCheck } from '../../../src/report/plan/forecast-check.ts';
import { alertSpan, changesSince, healingOf, incidentsOf, withHealing } from '../../../src/report/plan/incidents.ts';
import { listedReleases, verdictText } from '../../../src/report/plan/report.ts';
import { askedFor } from '../../../src/report/plan/requests.ts';
import { sloOf } from '../../../src/report/plan/slo.ts';
import { setAt } from '../../support/backup/backup-sets.ts';

const DAY = 86_400;
const value = (number: number, labels: Record<string, string> = {}): Series[] => [{ labels, points: [[DAY, number]] }];

describe('numbers for a person', () => {
  it.each([
    [0.5, 'percent', '50 %'],
    [0.99962, 'percent', '99.962 %'],
    [0.9999999, 'percent', '99.999 %'],
    [1, 'percent', '100 %'],
    [0.00034, 'percent', '0.034 %'],
    [1234.5, 'perSecond', '1235/s'],
    [0.0123, 'seconds', '12.3 ms'],
    [90, 'seconds', '1 min 30 s'],
    [3e9, 'bytes', '2.8 GiB'],
    [Number.NaN, 'count', 'no value'],
  ] as const)('%f %s is %s', (number, unit, text) => {
    expect(valueText(number, unit)).toBe(text);
  });
  it('are never rounded up to all', () => {
    for (let share = 0.99; share < 1; share += 0.00037) expect(valueText(share, 'percent')).not.toBe('100 %');
  });
  it('say times', () => {
    expect(secondsText(0)).toBe('0 ms');
    expect(momentText('2026-11-09T05:03:59Z')).toBe('9 Nov 2026, 05:03 UTC');
  });
});

describe('service levels', () => {
  const span = { start: 0, end: DAY, step: 720 };
  const site = { site: 'a.example' };
  it('count only what was measured', () => {
    const slo = sloOf(
      [value(0.999, site), value(0.01, site), value(0.02, site), value(0.03, site), value(1000), value(5), value(2880), value(7)],
      span,
      15,
    );
    expect(slo).toEqual({
      sites: [{ site: 'a.example', availability: 0.999, awaySeconds: 43, p50: 0.01, p95: 0.02, p99: 0.03 }],
      requests: { total: 1000, failed: 5 },
      measured: 0.5,
      measuredSeconds: 43_200,
      since: 7,
    });
  });
  it('are empty where nothing was measured', () => {
    expect(sloOf([[], [], [], [], [], [], []], span, 15)).toEqual({
      sites: [],
      requests: null,
      measured: 0,
      measuredSeconds: 0,
      since: null,
    });
  });
});

describe('the forecast of a disk', () => {
  const disk = (days: number, perDay: number): Series[] => [
    {
      labels: { mountpoint: '/' },
      points: Array.from({ length: 49 }, (_, index): Point => [(index / 48) * days * DAY, 1000 - (index / 48) * days * perDay]),
    },
  ];
  const sizes = value(2000, { mountpoint: '/' });
  it('follows the trend', () => {
    const [found] = forecastOf([disk(10, 50), sizes]);
    expect(found).toMatchObject({ mountpoint: '/', free: 500, size: 2000 });
    expect(found?.perDay).toBeCloseTo(50);
    expect(found?.fullInDays).toBeCloseTo(10);
  });
  it('sees that nothing fills', () => {
    expect(forecastOf([disk(10, -5), sizes])[0]).toMatchObject({ fullInDays: null, perDay: expect.closeTo(-5) });
    expect(forecastOf([disk(10, 0), sizes])[0]).toMatchObject({ fullInDays: null });
  });
  it('says nothing before a day was measured', () => {
    expect(forecastOf([disk(0.9, 500), sizes])[0]).toMatchObject({ fullInDays: null, perDay: null, measuredSeconds: 0.9 * DAY });
  });
  it('leaves out a disk whose size is not known', () => {
    expect(forecastOf([disk(10, 50), []])).toEqual([]);
  });
});

describe('incidents', () => {
  const span = { start: 0, end: 6000, step: 60 };
  const labels = { alertname: 'CacheNodeDown', severity: 'warning', cause: 'cache-node', instance: 'redis-6' };
  const at = (seconds: number) => new Date(seconds * 1000).toISOString();
  it('begin where an alert begins, and end where it does', () => {
    const points = [600, 660, 720, 3000, 5940, 6000].map((time): Point => [time, 1]);
    const found = incidentsOf([{ labels, points }], span);
    expect(found.map(({ from, to }) => [from, to])).toEqual([
      [at(5880), null],
      [at(2940), at(3000)],
      [at(540), at(720)],
    ]);
    expect(found[0]).toMatchObject({ alert: 'CacheNodeDown', instance: 'redis-6', why: 'A node of the cache is away.' });
  });
  it('are looked for each minute, and never by more points than Prometheus gives', () => {
    for (const days of [1, 7, 30, 400]) {
      const { start, end, step } = alertSpan({ start: 0, end: days * DAY, step: 720 });
      expect((end - start) / step).toBeLessThan(11_000);
      expect(step).toBeGreaterThanOrEqual(60);
    }
    expect(alertSpan({ start: 0, end: 7 * DAY, step: 720 }).step).toBe(61);
  });
  const incident = { alert: 'X', severity: 'critical', cause: 'cache', instance: 'redis-6', why: null, from: at(600), to: at(720) };
  const act = { at: at(650), service: 'redis-6', what: 'restarted', why: 'unhealthy' };
  const change = { time: at(640), user: 'maria', command: 'medianest restart redis-6', result: 'done', seconds: 20 } as const;
  const healed = (...given: Parameters<typeof withHealing>) => withHealing(...given)[0]?.healedBy;
  it('name what healed them', () => {
    expect(healed([incident], [act], [change])).toBe('the agent restarted redis-6: unhealthy');
    expect(healed([incident], [], [change])).toBe('`medianest restart redis-6` by maria');
    const earlier = { ...change, time: at(590), command: 'medianest up' };
    expect(healed([incident], [], [change, earlier])).toBe('`medianest restart redis-6` by maria');
  });
  it.each([
    ['the agent did something else', { ...act, service: 'redis-5' }, undefined],
    ['it gave up', { ...act, what: 'this does not help: it is left alone for some minutes' }, undefined],
    ['it did it long before', { ...act, at: at(10) }, undefined],
    ['a command that heals nothing', undefined, { ...change, command: 'medianest waf mode' }],
    ['a command that failed', undefined, { ...change, result: 'failed' as const }],
    ['a command that ended before', undefined, { ...change, time: at(560) }],
    ['a command that ended afterwards', undefined, { ...change, seconds: 500 }],
  ])('do not name it where %s', (_what, action, command) => {
    expect(healed([incident], action ? [action] : [], command ? [command] : [])).toBeNull();
  });
  it('that still fire were healed by nothing', () => {
    expect(healed([{ ...incident, to: null }], [act], [change])).toBeNull();
  });
  it('know what the agent did from its log', () => {
    const line = (what: string, facts = {}) => ({ time: at(1), what, facts });
    const seen = [
      line('at work', { project: 'x' }),
      line('started', { service: 'app-1', why: 'it ended' }),
      line('a member that has lost the lead and does not answer is killed', { member: 'postgres-1' }),
      line('a container ended', { container: 'x' }),
    ];
    expect(healingOf(seen).map(({ service, why }) => [service, why])).toEqual([
      ['app-1', 'it ended'],
      ['postgres-1', ''],
    ]);
  });
  it('stand beside what was changed in that time, the newest first', () => {
    const entry = (time: string) => ({ time, user: 'a', command: 'medianest up', plan: 'x', result: 'done' as const, seconds: 1 });
    const entries = [at(10), at(1000), at(2000)].map(entry);
    expect(changesSince(entries, new Date(500_000)).map(({ time }) => time)).toEqual([at(2000), at(1000)]);
    expect(changesSince(entries, new Date(500_000))[0]).not.toHaveProperty('plan');
  });
});

describe('backups', () => {
  const now = new Date('2026-11-29T12:00:00Z');
  const since = new Date('2026-11-22T12:00:00Z');
  const set = (id: string, finishedAt: string, more = {}) => setAt(finishedAt, { id, finishedAt, ...more });
  it('tell their age, and the longest time without one, as far back as the report reaches', () => {
    const view = backupView(
      [set('a', '2026-11-01T00:00:00Z'), set('b', '2026-11-25T00:00:00Z'), set('c', '2026-11-29T00:00:00Z')],
      [],
      since,
      now,
    );
    expect(view).toMatchObject({ newestAgeSeconds: 43_200, longestGapSeconds: 24 * DAY });
    expect(view.sets.map(({ id, status }) => [id, status])).toEqual([
      ['b', 'stored'],
      ['c', 'stored'],
    ]);
  });
  it('count no damaged set as a backup', () => {
    const view = backupView([set('a', '2026-11-28T12:00:00Z'), set('b', '2026-11-29T11:00:00Z', { problems: ['x'] })], [], since, now);
    expect(view).toMatchObject({ newestAgeSeconds: DAY, longestGapSeconds: DAY });
    expect(view.sets.at(-1)?.status).toBe('damaged');
  });
  it('are none where there is none', () => {
    expect(backupView([], [], since, now)).toEqual({
      sets: [],
      drills: [],
      newestAgeSeconds: null,
      longestGapSeconds: null,
      failed: [],
      places: [],
    });
  });
  it('know drills of all sets that are kept, the oldest first', () => {
    const drilled = (id: string, drilledAt: string) =>
      set(id, '2026-11-01T00:00:00Z', { drilledAt, drill: { rpoSeconds: 1, rtoSeconds: 2 } });
    const view = backupView([drilled('a', '2026-11-20T00:00:00Z'), drilled('b', '2026-11-10T00:00:00Z')], [], since, now);
    expect(view.drills.map(({ set: id }) => id)).toEqual(['b', 'a']);
  });
  it('name commands about them that failed', () => {
    const change = (command: string, result: 'done' | 'failed') => ({ time: '', user: 'a', command, result, seconds: 1 });
    const changes = [
      change('medianest backup', 'failed'),
      change('medianest drill', 'failed'),
      change('medianest backup', 'done'),
      change('medianest up', 'failed'),
    ];
    expect(backupView([], changes, since, now).failed.map(({ command }) => command)).toEqual(['medianest backup', 'medianest drill']);
  });
});

it('releases are those of the time, and always the newest, without their settings', () => {
  const release = (id: string, time: string) =>
    ({
      id,
      time,
      image: 'a',
      imageId: 'i',
      digests: [],
      settings: 's',
      version: { env: { A: 'secret' } },
      user: 'u',
      command: 'c',
      result: 'deployed',
      seconds: 1,
    }) as never;
  const listed = listedReleases(
    [release('r1', '2026-01-01T00:00:00Z'), release('r2', '2026-02-01T00:00:00Z')],
    new Date('2026-03-01T00:00:00Z'),
  );
  expect(listed).toEqual([{ id: 'r2', image: 'a', time: '2026-02-01T00:00:00Z', user: 'u', result: 'deployed', seconds: 1 }]);
});

it.each([
  [['ok'], 'All is well'],
  [['ok', 'warn'], '1 check warns'],
  [['fail', 'fail', 'warn'], '2 checks fail, 1 warns'],
  [['fail', 'warn', 'warn'], '1 check fails, 2 warn'],
] as const)('%j: %s', (statuses, text) => {
  const checks = statuses.map((status) => ({ id: 'x', status, message: 'm' }));
  expect(verdictText({ value: { status: 'ok', checks } })).toBe(text);
});

describe('a request to the dashboard', () => {
  const token = 'a-token-of-some-length';
  const asked = (url: string, host: string | undefined = '127.0.0.1:8600', method = 'GET') => askedFor({ method, host, url }, token);
  it.each(['127.0.0.1:8600', 'localhost:1', 'LOCALHOST', '[::1]:8600', '[::1]'])('is answered for %s', (host) => {
    expect(asked(`/${token}/`, host)).toEqual({ page: 'whole', range: '6h' });
  });
  it.each(['evil.example', 'localhost.evil.example:8600', '127.0.0.1.nip.io', '', '10.0.0.1:8600', 'localhost:8600:1'])(
    'is refused for %s',
    (host) => {
      expect(asked(`/${token}/`, host)).toEqual({ refused: 421 });
    },
  );
  it('is refused without a host', () => {
    expect(askedFor({ method: 'GET', host: undefined, url: `/${token}/` }, token)).toEqual({ refused: 421 });
  });
  it.each(['/', '', '/x/', `/${token}`, `/${token}/other`, `/${token}/part/x`, `/${token}x/`, `//${token}/`, 'http://['])(
    'finds nothing at %s',
    (url) => {
      expect(asked(url)).toEqual({ refused: 404 });
    },
  );
  it('may name a time, and nothing else', () => {
    expect(asked(`/${token}/part?for=7d`)).toEqual({ page: 'part', range: '7d' });
    expect(asked(`/${token}/?for=toString`)).toEqual({ page: 'whole', range: '6h' });
  });
  it('only reads', () => {
    expect(asked(`/${token}/`, 'localhost', 'HEAD')).toEqual({ page: 'whole', range: '6h' });
    expect(asked(`/${token}/`, 'localhost', 'POST')).toEqual({ refused: 405 });
    expect(asked('/x/', 'localhost', 'POST')).toEqual({ refused: 404 });
  });
});

it('who came over SSH is told how to open it at home', () => {
  expect(remoteHint('10.0.0.9 50000 10.0.0.2 22', 8600)).toContain('`ssh -N -L 8600:127.0.0.1:8600 10.0.0.2`');
  expect(remoteHint('10.0.0.9 50000 10.0.0.2 2222', 8600)).toContain('ssh -p 2222 -N');
  expect(remoteHint(undefined, 8600)).toBeUndefined();
});

describe('what health says of it', () => {
  const disk = (mountpoint: string, fullInDays: number | null, perDay: number | null = 1): DiskForecast => ({
    ...{ mountpoint, fullInDays, perDay },
    ...{ free: 1, size: 2, measuredSeconds: 2 * 86_400 },
  });
  it.each([
    [[disk('/', 400.5), disk('/srv', 30)], 'ok', '/srv is full in 30 days, as it filled until now'],
    [[disk('/', 6.9)], 'warn', '/ is full in 6 days, as it filled until now'],
    [[disk('/', 1.2)], 'warn', '/ is full in 1 day, as it filled until now'],
    [[disk('/', 0.5)], 'fail', '/ is full in less than a day, as it filled until now'],
    [[disk('/', null)], 'ok', 'no disk of this host fills up'],
  ])('%j is %s', (disks, status, message) => {
    expect(forecastCheck(disks)).toMatchObject([{ id: 'disk.forecast', status, message }]);
  });
  it('is nothing while no trend is known', () => {
    expect(forecastCheck([disk('/', null, null)])).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Check } from '../../../src/capability/check.ts';
import { describeHealth } from '../../../src/capability/describe-checks.ts';
import { maintenanceChecks } from '../../../src/edge/plan/maintenance-checks.ts';
import { describeStatus, describeStatusWide } from '../../../src/health/describe-status.ts';
import { healthReport } from '../../../src/health/plan/health.ts';
import { statusReport } from '../../../src/health/plan/status.ts';
import { toManifest } from '../../../src/stack/manifest.ts';
import { painter } from '../../../src/ui/paint.ts';
import { runningContainer } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const plain = { width: 80, paint: painter(false) };
const stack = stackOf(load({ flags: { profile: 'prod' } }));
const manifest = toManifest(rendered(stack), stack);
const names = manifest.services.map(({ name }) => name);
const running = (name: string, more = {}) =>
  runningContainer(name, undefined, { component: manifest.services.find((service) => service.name === name)?.component, ...more });
const all = (more: Record<string, object> = {}) => names.map((name) => running(name, more[name]));
const replica = { role: 'replica', ok: true, details: { state: 'streaming', timeline: 3, lag: '0 B' } } as const;
const MEMBERS = {
  'postgres-1': { role: 'leader', ok: true, details: { state: 'running', timeline: 3 } },
  'postgres-2': replica,
  'etcd-1': { role: 'replica', ok: true, details: {} },
  'etcd-2': { role: 'leader', ok: true, details: {} },
  'etcd-3': { role: 'replica', ok: true, details: {} },
  'redis-1': { role: 'leader', ok: true, details: { slots: '0-5460' } },
  'redis-2': { role: 'leader', ok: true, details: { slots: '5461-10922' } },
  'redis-3': { role: 'leader', ok: true, details: { slots: '10923-16383' } },
} as const;
const served = { requestsPerSecond: 4, requests: 10, active: 0, queued: 0, failed: 0, check: 'L7OK' };
const extras = { traffic: {}, members: MEMBERS, notes: ['a note'], lives: {} };
const report = (containers = all(), more: object = {}) =>
  statusReport('medianest', 'prod', manifest, containers, { ...extras, ...more } as never);
const lineOf = (text: string, group: string) => text.split('\n').find((line) => new RegExp(`^  ${group} +\\d+/\\d+`).test(line));

describe('status', () => {
  it('says in one line how it is, who leads and where it is', () => {
    const [verdict, second] = describeStatus(report(), plain).split('\n');
    expect(verdict).toBe(`medianest (prod): ${names.length}/${names.length} healthy, postgres-1 leads, ${manifest.urls[0]}`);
    expect(second).toMatch(/^ {2}\S+ +\d\/\d$/);
  });
  it('has a line for each group, and nothing wider than the terminal', () => {
    const text = describeStatus(report(), plain);
    const groups = [...new Set(manifest.services.map(({ component }) => component))];
    expect(text.split('\n').filter((line) => /^ {2}\S+ +\d+\/\d+/.test(line))).toHaveLength(groups.length);
    expect(lineOf(text, 'etcd')).toMatch(/3\/3 {2}etcd-2 leads$/);
    expect(lineOf(text, 'redis-cluster')).toMatch(/redis-1, redis-2, redis-3 lead$/);
    for (const width of [80, 60, 50]) {
      const lines = describeStatus(report(), { ...plain, width }).split('\n');
      expect(lines.filter((line) => line.length > width && line.trim().includes(' '))).toEqual([]);
    }
    expect(text.split('\n').length).toBeLessThanOrEqual(24);
    expect(text).toContain('\na note');
  });
  it.each([
    ['an unhealthy replica', { 'app-2': { health: 'unhealthy' } }, {}, /healthy, postgres-1 leads/, '  app-2 unhealthy', 'app', /2\/3/],
    ['one that has ended', { edge: { state: 'exited', health: 'none' } }, {}, /healthy/, '  edge exited', 'edge', /0\/1/],
    [
      'a database without a leader',
      {},
      { members: { ...MEMBERS, 'postgres-1': { ...replica, ok: false } } },
      /healthy, no leader elected/,
      '  postgres-1 does not answer its group, or its data is behind',
      'patroni',
      /1\/2 {2}no leader elected/,
    ],
  ])('tells of %s', (_name, containers, more, verdict, second, group, line) => {
    const text = describeStatus(report(all(containers as Record<string, object>), more), plain);
    expect(text.split('\n')[0]).toMatch(verdict);
    expect(text.split('\n')[0]).toContain(`${names.length - 1}/${names.length} healthy`);
    expect(text.split('\n')[1]).toBe(second);
    expect(lineOf(text, group)).toMatch(line);
  });
  it('tells of what is missing, of lag, of traffic and of restarts', () => {
    const more = {
      members: { ...MEMBERS, 'postgres-2': { ...replica, details: { lag: '12.0 MiB' } } },
      traffic: { 'app-1': { state: 'UP', ...served }, 'app-2': { state: 'DRAIN', ...served, failed: 2 } },
      lives: { 'id-app-1': { restarts: 3, created: 0, started: 0 } },
    };
    const text = describeStatus(report(all().slice(1), more), { ...plain, width: 200 });
    expect(text).toContain(`  ${names[0]} missing`);
    expect(lineOf(text, 'patroni')).toMatch(/postgres-1 leads, postgres-2 lags 12\.0 MiB$/);
    expect(lineOf(text, 'app')).toMatch(/8 requests\/s, 2 failed, app-2 DRAIN, app-1 restarted 3 times$/);
  });
  it('says that nothing runs, and what starts it', () => {
    expect(describeStatus(report([]), plain).split('\n')[0]).toBe('medianest (prod): stopped, medianest up starts it');
    expect(describeStatus(statusReport('medianest', 'prod', undefined, []), plain)).toBe(
      'medianest (prod): stopped, medianest up starts it',
    );
  });
  it('has every service with --wide', () => {
    const text = describeStatusWide(report(), { ...plain, width: 200 });
    for (const name of names) expect(text).toMatch(new RegExp(`^${name} +running +healthy`, 'm'));
    expect(text).toMatch(/postgres-2 .*replica, state streaming, timeline 3, lag 0 B/);
  });
  it('colours the verdict alone, and says nothing by it', () => {
    for (const containers of [all(), all({ 'app-2': { health: 'unhealthy' } })]) {
      for (const draw of [describeStatus, describeStatusWide]) {
        const colour = draw(report(containers), { width: 80, paint: painter(true) });
        expect(colour).toContain('\u001b[');
        // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
        expect(colour.replace(/\u001b\[\d+m/g, '')).toBe(draw(report(containers), plain));
      }
    }
  });
});

describe('health', () => {
  const check = (id: string, status: Check['status'], remedy?: string): Check => ({
    id,
    status,
    message: `${id} is ${status}`,
    ...(remedy && { remedy }),
  });
  const checks = [check('a', 'ok'), check('b', 'warn', 'wait'), check('c', 'fail', 'medianest up'), check('d', 'ok')];
  it('shows what is not ok, and counts the rest', () => {
    expect(describeHealth({ status: 'fail', checks }, { all: false, ...plain })).toBe(
      [
        'warn  b is warn',
        '      Fix: wait',
        'fail  c is fail',
        '      Fix: medianest up',
        'overall: fail (4 checks: 1 fail, 1 warn, 2 ok; --all shows every one)',
      ].join('\n'),
    );
    expect(describeHealth({ status: 'ok', checks: [check('a', 'ok')] }, { all: false, ...plain })).toBe(
      'overall: ok (1 check: 1 ok; --all shows every one)',
    );
  });
  it('shows every one with --all, and in `doctor`', () => {
    const every = describeHealth({ status: 'fail', checks }, { all: true, ...plain });
    expect(every.split('\n')).toHaveLength(7);
    expect(every).toMatch(/^ok {4}a is ok\n/);
    expect(every).toMatch(/\noverall: fail$/);
    expect(describeHealth({ status: 'fail', checks })).toBe(every);
  });
  it('folds beside the verdicts', () => {
    const long = { ...check('a', 'warn', 'medianest maintenance off, then medianest up'), message: 'one two three four five six seven' };
    expect(describeHealth({ status: 'warn', checks: [long] }, { all: true, width: 30, paint: painter(false) })).toBe(
      [
        'warn  one two three four five',
        '      six seven',
        '      Fix: medianest',
        '           maintenance off,',
        '           then medianest up',
        'overall: warn',
      ].join('\n'),
    );
  });
  it('warns of maintenance, which is no failure', () => {
    const found = maintenanceChecks({ since: '2026-01-02T03:04:05Z', retryAfterSeconds: 60 } as never);
    expect(found).toEqual([expect.objectContaining({ id: 'maintenance', status: 'warn', remedy: 'medianest maintenance off' })]);
    expect(healthReport(manifest, all(), found).status).toBe('warn');
    expect(maintenanceChecks(undefined)).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import type { ContainerStory, ObservedContainer } from '../../../src/docker/types.ts';
import { describeWhy } from '../../../src/health/describe-why.ts';
import { causeOf, changesBefore, neededBy, recentEnd, type Suspect } from '../../../src/health/plan/why.ts';
import { leaderCause } from '../../../src/health/plan/why-members.ts';
import { type Manifest, toManifest } from '../../../src/stack/manifest.ts';
import { painter } from '../../../src/ui/paint.ts';
import { load, stackOf } from '../../support/settings.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000);
const calm = { restarts: 0, created: NOW - 9e6, started: NOW - 9e6 };

const story = (more: Partial<ContainerStory> = {}): ContainerStory => ({
  running: false,
  exitCode: 0,
  oomKilled: false,
  error: '',
  started: ago(9000),
  finished: undefined,
  memoryLimit: 0,
  checks: [],
  ...more,
});
const suspect = (container: Partial<ObservedContainer> | undefined, more: Partial<Suspect> = {}): Suspect => ({
  service: 'app-1',
  component: 'app',
  container: container && ({ name: 'home-app-1-1', state: 'running', health: 'healthy', status: 'Up', ...container } as ObservedContainer),
  story: story(),
  life: calm,
  lines: [],
  ...more,
});
const ended = (more: Partial<ContainerStory>) =>
  causeOf(
    suspect({ state: 'exited', health: 'none', status: 'Exited 5 minutes ago' }, { story: story({ finished: ago(300), ...more }) }),
    NOW,
  );

describe('what is wrong with a container', () => {
  it('is nothing where it runs and is healthy', () => {
    expect(causeOf(suspect({}, { story: story({ running: true }) }), NOW)).toBeUndefined();
  });
  it('is its end where it has ended since the containers were listed', () => {
    expect(causeOf(suspect({}, { story: story({ exitCode: 3 }) }), NOW)).toMatchObject({ what: expect.stringContaining('status 3') });
  });
  it.each([
    [
      'an end for its memory',
      { exitCode: 137, oomKilled: true, memoryLimit: 256 * 1024 ** 2 },
      /reached its memory limit of 256 MiB/,
      /more memory/,
    ],
    ['a kill', { exitCode: 137 }, /killed \(SIGKILL\), and not for its memory/, /^medianest up$/],
    ['a stop', { exitCode: 143 }, /it was stopped/, /^medianest up$/],
    ['a program that is not there', { exitCode: 127 }, /not found in the image/, /medianest logs app-1/],
    ['a crash', { exitCode: 139 }, /status 139 \(signal 11\)/, /medianest logs app-1/],
    ['its own end', { exitCode: 3 }, /ended with status 3$/, /medianest logs app-1/],
    [
      'what the engine could not start',
      { exitCode: 128, error: 'port is already allocated' },
      /could not start it: port is already allocated/,
      /medianest logs/,
    ],
  ])('tells %s', (_what, end, what, fix) => {
    const cause = ended(end);
    expect(cause?.what).toMatch(what);
    expect(cause?.fix).toMatch(fix);
    expect(cause?.since).toBe(ago(300).toISOString());
  });
  it('tells a loop, although it runs at this moment', () => {
    const life = { restarts: 7, created: NOW - 60_000, started: NOW - 2000 };
    const cause = causeOf(suspect({}, { life, story: story({ exitCode: 1, finished: ago(3) }), lines: ['no database'] }), NOW);
    expect(cause?.what).toMatch(/^ends again and again \(restarted 7 times, last 2 s ago\): it ended with status 1$/);
    expect(cause?.evidence.at(-1)).toEqual({ at: null, source: 'log', text: 'no database' });
  });
  it('tells since when its health check fails, and what it said last', () => {
    const checks = [
      { at: ago(90), exitCode: 1, output: 'old' },
      { at: ago(80), exitCode: 0, output: 'ok' },
      { at: ago(60), exitCode: 1, output: 'connecting\nconnection refused' },
      { at: ago(50), exitCode: 1, output: '' },
    ];
    expect(causeOf(suspect({ health: 'unhealthy' }, { story: story({ running: true, checks }) }), NOW)).toMatchObject({
      what: 'runs, and its health check fails: exit status 1',
      since: ago(60).toISOString(),
      evidence: [
        { at: ago(60).toISOString(), source: 'health check', text: 'connection refused' },
        { at: ago(50).toISOString(), source: 'health check', text: 'exit status 1' },
      ],
    });
  });
  it('tells a container that is paused or gone, with the way back', () => {
    expect(causeOf(suspect({ state: 'paused' }), NOW)).toMatchObject({ what: 'is paused', fix: 'docker unpause home-app-1-1' });
    expect(causeOf(suspect(undefined), NOW)).toMatchObject({ what: 'does not exist', fix: 'medianest up' });
  });
  it('is told as over, where the engine has restarted it and it runs', () => {
    const life = { restarts: 1, created: NOW - 9e6, started: NOW - 30_000 };
    expect(recentEnd(suspect({}, { life }), NOW)?.what).toBe('runs again, restarted once, 30 s ago');
    expect(recentEnd(suspect({}), NOW)).toBeUndefined();
  });
});

describe('what a service needs', () => {
  const { services } = toManifest(
    { files: [], inputs: {}, configs: {}, added: { services: [], volumes: [] } } as never,
    stackOf(load({ flags: { profile: 'prod' } })),
  );
  const needs = (component: string) =>
    neededBy(
      services.filter((service) => service.component === component),
      services,
    );
  const components = (component: string) => [...new Set(needs(component).map((service) => service.component))];
  it('is all that a request passes after it, what is furthest first', () => {
    expect(components('edge')).toEqual(['etcd', 'patroni', 'db-router', 'redis-cluster', 'app', 'balancer']);
    expect(components('app')).toEqual(['etcd', 'patroni', 'db-router', 'redis-cluster']);
    expect(components('redis-cluster')).toEqual([]);
    expect(components('patroni')).toEqual(['etcd']);
    expect(needs('edge').filter(({ component }) => component === 'app').length).toBeGreaterThan(1);
  });
  it('is not known of a stack that an earlier version has started', () => {
    expect(neededBy([{ name: 'edge' }], [{ name: 'edge' }, { name: 'app-1' }])).toEqual([]);
  });
});

describe('what is wrong with a group of members', () => {
  const services = ['postgres-1', 'postgres-2'].map((name) => ({
    name,
    component: 'patroni',
    role: 'database',
    member: { group: 'database', controller: 'agent' },
  })) as Manifest['services'];
  const suspects = services.map(({ name }) => suspect({}, { service: name }));
  const state = (role: 'leader' | 'replica', ok = true) => ({ role, ok, details: { timeline: 3 } });
  it('is nothing with a leader and members that follow it', () => {
    expect(leaderCause(suspects, services, { 'postgres-1': state('leader'), 'postgres-2': state('replica') })).toEqual([]);
  });
  it('is the lack of a leader, or a member that is behind', () => {
    expect(leaderCause(suspects, services, { 'postgres-1': state('replica'), 'postgres-2': state('replica') })).toMatchObject([
      {
        service: 'database',
        what: 'has no leader',
        evidence: [{ text: 'postgres-1: replica, timeline 3' }, { text: 'postgres-2: replica, timeline 3' }],
      },
    ]);
    expect(leaderCause(suspects, services, { 'postgres-1': state('leader'), 'postgres-2': state('replica', false) })).toMatchObject([
      { what: 'postgres-2: not healthy as seen by the others' },
    ]);
  });
  it('cannot be told where the controller does not answer', () => {
    expect(leaderCause(suspects, services, undefined)).toMatchObject([
      { what: expect.stringMatching(/^cannot be told/), fix: 'medianest why agent' },
    ]);
  });
});

it('changes are told of the half hour before, and none of after', () => {
  const entry = (seconds: number, command: string) => ({
    time: ago(seconds).toISOString(),
    user: 'ann',
    command,
    plan: '',
    result: 'done' as const,
    seconds: 1,
  });
  const audit = [entry(7200, 'medianest backup'), entry(900, 'medianest deploy'), entry(10, 'medianest restart')];
  expect(changesBefore(audit, ago(600))).toEqual([
    { at: ago(900).toISOString(), source: 'audit log', text: 'medianest deploy by ann: done' },
  ]);
});

it('is told to a person with the root first and its fix', () => {
  const cause = { service: 'postgres', what: 'is paused', since: null, evidence: [], fix: 'docker unpause home-postgres-1' };
  const plain = { width: 100, paint: painter(false) };
  expect(describeWhy({ service: 'app', status: 'fail', causes: [cause], changes: [] }, plain)).toBe(
    'app does not work as it should:\n  postgres is paused\n    Fix: docker unpause home-postgres-1',
  );
  expect(describeWhy({ service: 'app', status: 'ok', causes: [], changes: [] }, plain)).toBe('app works, and so does all that it needs');
});

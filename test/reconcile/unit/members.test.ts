import { describe, expect, it } from 'vitest';
import { appliedValue, type UpFacts } from '../../../src/reconcile/plan/facts.ts';
import { oneByOne } from '../../../src/reconcile/plan/members.ts';
import type { Step } from '../../../src/reconcile/plan/step.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const make = (file = '') => {
  const stack = stackOf(load({ file, flags: { profile: 'prod' } }));
  return { stack, files: rendered(stack) };
};
const now = make();
const all = now.stack.services.map(({ name, component }) => runningContainer(name, now.files.inputs[name], { component }));
const installed = Object.fromEntries(now.stack.certificates.map(({ name }) => [name, '01']));
const placements = Object.fromEntries(now.stack.services.filter(({ reloadsSecrets }) => reloadsSecrets).map(({ name }) => [name, 'p1']));

function plan(wanted: typeof now, more: Partial<UpFacts> = {}) {
  const applied = Object.fromEntries(
    now.stack.services.map(({ name, certificate }) => [
      name,
      appliedValue(now.files.configs[name], certificate ? ['01'] : [], placements[name]),
    ]),
  );
  return planUp(wanted.stack, wanted.files, settledFacts(now.files, all, { applied, installed, placements, ...more }));
}

const acts = (steps: readonly Step[]) =>
  steps.flatMap((step) => {
    if (step.kind === 'replace-member' || step.kind === 'reload' || step.kind === 'replace') return [`${step.kind} ${step.service}`];
    return step.kind === 'compose-up' ? [`up${step.alone ? ' alone' : ''} ${step.services.join(' ')}`] : [];
  });

describe('members of the database', () => {
  it('are at rest when nothing has changed', () => {
    expect(plan(now).steps).toEqual([]);
  });
  it('are replaced one at a time, the leader last, once it knows what all members share', () => {
    const more = make('database: { memory: 700m }');
    const steps = (leader: string) => plan(more, { leaders: [leader] }).steps;
    expect(acts(steps('postgres-1'))).toEqual(['reload postgres-1', 'replace-member postgres-2', 'replace-member postgres-1']);
    expect(acts(steps('postgres-2'))).toEqual(['reload postgres-2', 'replace-member postgres-1', 'replace-member postgres-2']);
    expect(steps('postgres-2').find(({ kind }) => kind === 'reload')).toMatchObject({ argv: ['/usr/local/bin/settle', '20'] });
  });
  it('are not told anything where nobody leads, or the leader is not well', () => {
    const more = make('database: { memory: 700m }');
    const sick = all.map((entry) => (entry.service === 'postgres-1' ? { ...entry, health: 'unhealthy' as const } : entry));
    expect(acts(plan(more).steps)).not.toContain('reload postgres-1');
    expect(acts(planUp(more.stack, more.files, settledFacts(more.files, sick, { leaders: ['postgres-1'] })).steps)).not.toContain(
      'reload postgres-1',
    );
  });
  it('are told to read a setting again that needs no restart', () => {
    const { steps, changes } = plan(make('database: { parameters: { random_page_cost: 1.1 } }'));
    expect(acts(steps)).toEqual(['reload postgres-1', 'reload postgres-2']);
    expect(changes.find(({ service }) => service === 'postgres-1')).toMatchObject({ action: 'reload', downtime: 'none' });
  });
  it('are restarted, and the plan says why, for a setting that is read at the start alone', () => {
    const { changes } = plan(make('database: { maxConnections: 150 }'), { leaders: ['postgres-1'] });
    expect(changes.find(({ service }) => service === 'postgres-2')).toMatchObject({
      action: 'recreate',
      cause: expect.stringContaining('settings that it reads at its start alone'),
      downtime: 'a leader is changed first: writes wait about 2 s',
    });
  });
  it('take new passwords by a reload, before the replicas of the application come with them', () => {
    const names = now.stack.services.filter(({ component }) => component === 'patroni' || component === 'app').map(({ name }) => name);
    const changed = { ...placements, 'postgres-1': 'p2', 'postgres-2': 'p2' };
    const fingerprints = Object.fromEntries(now.stack.secrets.map(({ name }) => [name, 'new']));
    const files = rendered(now.stack, { fingerprints });
    const { steps } = plan({ stack: now.stack, files }, { placements: changed, unplaced: names });
    expect(acts(steps).filter((act) => / (postgres-\d|app)/.test(act))).toEqual([
      'reload postgres-1',
      'reload postgres-2',
      'replace app-1',
      'replace app-2',
      'replace app-3',
    ]);
  });
  it('move together with all others when a network gets other addresses', () => {
    const stack = {
      ...now.stack,
      networks: now.stack.networks.map((entry) => (entry.name === 'db' ? { ...entry, subnet: '10.99.0.0/16' } : entry)),
    };
    const { steps } = plan({ stack, files: rendered(stack) }, { leaders: ['postgres-1'] });
    expect(acts(steps).some((act) => act.startsWith('replace'))).toBe(false);
  });
});

describe('a group that gets larger', () => {
  it('is known to the router before a member is replaced: the new one may lead from then on', () => {
    const { steps } = plan(make('database: { members: 3, maxConnections: 90 }'), {
      leaders: ['postgres-1'],
      liveConfigs: { ...now.files.configs },
    });
    const order = acts(steps);
    expect(order.indexOf('reload db-router')).toBeGreaterThan(
      order.findIndex((act) => act.startsWith('up alone') && act.includes('postgres-3')),
    );
    expect(order.indexOf('reload db-router')).toBeLessThan(order.indexOf('replace-member postgres-2'));
  });
});

describe('a group that gets smaller', () => {
  const smaller = make('etcd: { members: 1 }\ndatabase: { members: 1 }\nredisCluster: { replicas: 0 }');
  const before = { ...now.files.configs };
  const steps = plan(smaller, { liveConfigs: before }).steps;
  const at = (wanted: (step: Step) => boolean) => steps.findIndex(wanted);
  const retired = steps.flatMap((step) => (step.kind === 'retire-member' ? [step] : []));

  it('has what leads handed over first, and etcd, which that needs, goes last', () => {
    expect(retired.map(({ service, handover }) => [service, handover])).toEqual([
      ['redis-4', true],
      ['redis-5', true],
      ['redis-6', true],
      ['postgres-2', true],
      ['etcd-2', false],
      ['etcd-3', false],
    ]);
  });
  it('is led out by a controller that still knows who leaves', () => {
    const told = at((step) => step.kind === 'activate-config' && step.service === 'agent');
    expect(told).toBeGreaterThan(at((step) => step.kind === 'retire-member' && step.service === 'etcd-3'));
    expect(told).toBeLessThan(at((step) => step.kind === 'compose-up'));
    expect(at((step) => step.kind === 'activate-config' && step.service === 'db-router')).toBeLessThan(
      at(({ kind }) => kind === 'retire-member'),
    );
  });
  it('of etcd has a majority while the leader of the database takes shared settings', () => {
    const { steps } = plan(make('etcd: { members: 1 }\ndatabase: { members: 3, maxConnections: 90 }'), {
      liveConfigs: before,
      leaders: ['postgres-1'],
    });
    const shared = steps.findIndex((step) => step.kind === 'reload' && step.service === 'postgres-1');
    expect(shared).toBeGreaterThanOrEqual(0);
    expect(shared).toBeLessThan(steps.findIndex((step) => step.kind === 'retire-member' && step.service === 'etcd-2'));
  });
  it('is no reason to replace those that stand on it', () => {
    const { changes } = plan(make('etcd: { members: 1 }'), { liveConfigs: before });
    const acted = Object.fromEntries(changes.map(({ service, action }) => [service, action]));
    expect(acted).toMatchObject({ 'etcd-1': 'recreate', 'etcd-3': 'remove', 'postgres-1': 'reload', 'db-router': 'keep', 'app-1': 'keep' });
  });
  it('does not ask for those that do not run', () => {
    const containers = all.map((entry) => (entry.service === 'redis-5' ? { ...entry, state: 'exited' } : entry));
    const { steps: others } = plan(smaller, { liveConfigs: before, containers });
    expect(others.flatMap((step) => (step.kind === 'retire-member' ? [step.service] : []))).not.toContain('redis-5');
  });
});

describe('one by one', () => {
  const member = { group: 'database', controller: 'agent' };
  const services = [
    { name: 'a-1', component: 'a', member },
    { name: 'a-2', component: 'a', member },
    { name: 'b', component: 'b' },
  ];
  const running = (...names: string[]) => names.map((name) => runningContainer(name, undefined));
  it.each([
    ['the only one that runs is not waited for', running('a-1'), []],
    ['all that run are taken', running('a-1', 'a-2', 'b'), ['a-2', 'a-1']],
    ['none that is stopped', running('a-2', 'b'), []],
  ])('%s', (_what, containers, expected) => {
    expect(oneByOne(services, services, containers, ['a-1']).map(({ name }) => name)).toEqual(expected);
  });
});

import { describe, expect, it } from 'vitest';
import { deploySteps } from '../../../src/deploy/plan/deploy.ts';
import { appliedValue, type UpFacts } from '../../../src/reconcile/plan/facts.ts';
import { refuseHalfFlip } from '../../../src/reconcile/plan/replicas.ts';
import type { Step } from '../../../src/reconcile/plan/step.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import type { Overrides } from '../../../src/stack/overrides.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const make = (file = '', overrides: Overrides = {}) => {
  const stack = stackOf(load({ file, flags: { profile: 'prod' } }), undefined, undefined, overrides);
  return { stack, files: rendered(stack) };
};
const now = make();

const containersOf = ({ stack, files }: typeof now) => stack.services.map(({ name }) => runningContainer(name, files.inputs[name]));
const all = containersOf(now);
const certificates = Object.fromEntries(now.stack.certificates.map(({ name }) => [name, '01']));

function plan(wanted: typeof now, more: Partial<UpFacts> = {}, before = now) {
  const applied = Object.fromEntries(
    before.stack.services.map(({ name, certificate }) => [name, appliedValue(before.files.configs[name], certificate ? ['01'] : [])]),
  );
  return planUp(
    wanted.stack,
    wanted.files,
    settledFacts(before.files, containersOf(before), { applied, installed: certificates, ...more }),
  );
}

const QUIET: Step['kind'][] = ['write-files', 'activate-config', 'mark-applied', 'prove-config', 'prove-settings'];
/** The steps that touch containers, in a word each. */
const acts = (steps: readonly Step[]) =>
  steps
    .filter((step) => !QUIET.includes(step.kind))
    .map((step) => {
      if (step.kind === 'compose-up') return `up${step.alone ? ' alone' : ''} ${step.services.join(' ')}`;
      if (step.kind === 'remove-services' || step.kind === 'create-secrets')
        return `${step.kind} ${('services' in step ? step.services : []).join(' ')}`;
      return 'service' in step ? `${step.kind} ${String(step.service)}` : step.kind;
    });

describe('replicas behind a balancer', () => {
  it('are at rest when nothing has changed', () => {
    expect(plan(now).steps).toEqual([]);
  });
  it('are replaced one at a time, and nothing else is touched', () => {
    expect(acts(plan(make('app: { logLevel: warn }')).steps)).toEqual(['replace app-1', 'replace app-2', 'replace app-3']);
  });
  it('are replaced after what they stand on', () => {
    const { steps } = plan(make('app: { logLevel: warn }\ndbRouter: { memory: 256m }'));
    expect(acts(steps)).toEqual(['up alone db-router', 'replace app-1', 'replace app-2', 'replace app-3']);
  });
  it('come up together where nothing serves yet, or the balancer does not run', () => {
    expect(acts(plan(now, { containers: [] }).steps)).toEqual([
      'create-volume',
      `up ${now.stack.services.map(({ name }) => name).join(' ')}`,
      'await-balancer balancer',
    ]);
    const without = all.filter(({ service }) => service !== 'balancer');
    expect(acts(plan(make('app: { logLevel: warn }'), { containers: without }).steps)).toEqual([
      'up balancer app-1 app-2 app-3',
      'await-balancer balancer',
    ]);
  });
  it('are replaced one at a time where none of them is ready either, so that the first good one serves at once', () => {
    const sick = all.map((entry) => (entry.component === 'app' ? { ...entry, health: 'unhealthy' as const } : entry));
    expect(acts(plan(make('app: { logLevel: warn }'), { containers: sick }).steps)).toEqual([
      'replace app-1',
      'replace app-2',
      'replace app-3',
    ]);
  });
  it('are replaced one at a time where they change between TLS and plain HTTP; edge and balancer keep their containers', () => {
    const ways = [
      [now, make('app: { tls: false }'), 'it is spoken to in HTTP (was TLS)'],
      [make('app: { tls: false }'), now, 'it is spoken to in TLS (was HTTP)'],
    ] as const;
    for (const [before, after, cause] of ways) {
      const { steps, changes } = plan(after, {}, before);
      expect(acts(steps)).toEqual([
        'replace app-1',
        'replace app-2',
        'replace app-3',
        'reload edge',
        'reload balancer',
        'reload prometheus',
      ]);
      expect(changes.find(({ service }) => service === 'app-1')).toMatchObject({
        cause: expect.stringContaining(cause),
        downtime: 'none: the other replicas serve',
      });
    }
  });
  it('are replaced together for that where their balancer gets a new container, which may begin as an earlier version; the cost is told', () => {
    const { steps, changes } = plan(make('app: { tls: false }\nbalancer: { memory: 256m }'));
    expect(acts(steps)).toEqual(['up balancer app-1 app-2 app-3', 'reload edge', 'reload prometheus', 'await-balancer balancer']);
    expect(changes.find(({ service }) => service === 'app-1')).toMatchObject({ downtime: expect.stringMatching(/^about 10 s/) });
    expect(changes.find(({ service }) => service === 'edge')?.downtime).toBe('none');
  });
  it('are replaced one at a time for that while Docker still waits for the balancer', () => {
    const containers = all.map((entry) => (entry.service === 'balancer' ? { ...entry, health: 'starting' as const } : entry));
    const { steps, changes } = plan(make('app: { tls: false }'), { containers });
    expect(acts(steps).filter((act) => act.startsWith('replace'))).toEqual(['replace app-1', 'replace app-2', 'replace app-3']);
    expect(changes.find(({ service }) => service === 'app-1')?.downtime).toBe('none: the other replicas serve');
  });
  it('do not change it by a command that concerns a part of edge, balancer and replicas', () => {
    const { services } = make('app: { tls: false }').stack;
    for (const only of [['app', 'balancer'], ['edge'], ['app']])
      expect(() => refuseHalfFlip(services, all, only)).toThrow(
        /app\.tls has changed since the last `up`: app-1 is not yet spoken to in HTTP/,
      );
    for (const only of [undefined, ['patroni'], ['edge', 'balancer', 'app']])
      expect(() => refuseHalfFlip(services, all, only)).not.toThrow();
    expect(() => refuseHalfFlip(now.stack.services, all, ['app'])).not.toThrow();
  });
  it('that do not run are started, not drained', () => {
    const stopped = all.map((entry) => (entry.service === 'app-2' ? { ...entry, state: 'exited' } : entry));
    expect(acts(plan(make('app: { logLevel: warn }'), { containers: stopped }).steps)).toEqual([
      'up alone app-2',
      'replace app-1',
      'replace app-3',
      'await-balancer balancer',
    ]);
  });
  it('that an interrupted run has left out are put back', () => {
    expect(acts(plan(now, { drained: ['app-2'] }).steps)).toEqual(['admit app-2']);
    expect(acts(plan(make('app: { logLevel: warn }'), { drained: ['app-2'] }).steps)).toEqual([
      'replace app-1',
      'replace app-2',
      'replace app-3',
    ]);
  });
});

describe('a change of what the balancer asks', () => {
  const changed = make('app: { readyPath: /ready }');
  const order = (steps: readonly Step[]) =>
    steps.flatMap((step) =>
      'service' in step && !['mark-applied', 'prove-config', 'prove-settings'].includes(step.kind) ? [`${step.kind} ${step.service}`] : [],
    );
  it('reaches it with each new replica; its configuration, and that of the edge, take effect after the last', () => {
    const { steps } = plan(changed, { liveConfigs: now.files.configs });
    expect(order(steps)).toEqual([
      'replace app-1',
      'replace app-2',
      'replace app-3',
      'activate-config edge',
      'reload edge',
      'activate-config balancer',
      'reload balancer',
    ]);
    expect(steps.filter(({ kind }) => kind === 'replace')).toEqual(
      Array.from({ length: 3 }, () => expect.objectContaining({ rolling: expect.objectContaining({ readyPath: '/ready' }), others: 2 })),
    );
  });
  it('reaches one that gets a new container too', () => {
    const other = make('app: { readyPath: /ready }\nbalancer: { memory: 256m }');
    const { steps } = plan(other, { liveConfigs: now.files.configs });
    expect(order(steps).filter((line) => /balancer|app-3/.test(line))).toEqual([
      'replace app-3',
      'activate-config balancer',
      'reload balancer',
      'await-balancer balancer',
    ]);
    expect(acts(steps)[0]).toBe('up alone balancer');
  });
  it('takes effect at once where the balancer has no configuration yet', () => {
    expect(order(plan(changed, { liveConfigs: {} }).steps)[0]).toMatch('activate-config');
    expect(order(plan(changed, { liveConfigs: {} }).steps).indexOf('activate-config balancer')).toBeLessThan(3);
  });
});

describe('a replica that its balancer sends nothing to', () => {
  const two = make('app: { logLevel: warn }');
  it('is replaced before one that serves', () => {
    const replaced = (serving: string[] | undefined) => acts(plan(two, { serving }).steps);
    expect(replaced(['app-1', 'app-3'])).toEqual(['replace app-2', 'replace app-1', 'replace app-3']);
    expect(replaced(['app-3'])).toEqual(['replace app-1', 'replace app-2', 'replace app-3']);
    expect(replaced(undefined)).toEqual(['replace app-1', 'replace app-2', 'replace app-3']);
  });
  it('and has its new container already, is put back before another is taken out', () => {
    const containers = all.map((entry) => (entry.service === 'app-2' ? runningContainer('app-2', two.files.inputs['app-2']) : entry));
    expect(acts(plan(two, { containers, drained: ['app-2'], serving: ['app-1', 'app-3'] }).steps)).toEqual([
      'admit app-2',
      'replace app-1',
      'replace app-3',
    ]);
  });
  it('and has its new container already is told to it before another is taken out, whatever made the balancer forget it', () => {
    const renewed = (...names: string[]) =>
      all.map((entry) => (names.includes(entry.service) ? runningContainer(entry.service, two.files.inputs[entry.service]) : entry));
    const acted = (more: Partial<UpFacts>) => acts(plan(two, more).steps);
    // The balancer has started again after a run that was killed.
    expect(acted({ containers: renewed('app-1'), serving: ['app-2', 'app-3'] })).toEqual(['admit app-1', 'replace app-2', 'replace app-3']);
    expect(acted({ containers: renewed('app-1', 'app-2'), drained: ['app-3'], serving: ['app-3'] })).toEqual([
      'admit app-1',
      'admit app-2',
      'replace app-3',
    ]);
    // One that Docker still waits for is started first.
    const starting = renewed('app-1').map((entry) => (entry.service === 'app-1' ? { ...entry, health: 'starting' as const } : entry));
    expect(acted({ containers: starting, serving: ['app-2', 'app-3'] })).toEqual([
      'up alone app-1',
      'admit app-1',
      'replace app-2',
      'replace app-3',
      'await-balancer balancer',
    ]);
    // One that did not run comes up first, and the balancer knows only what was there before.
    const stopped = all.map((entry) => (entry.service === 'app-1' ? { ...entry, state: 'exited' } : entry));
    expect(acted({ containers: stopped, serving: ['app-2', 'app-3'] })).toEqual([
      'up alone app-1',
      'admit app-1',
      'replace app-2',
      'replace app-3',
      'await-balancer balancer',
    ]);
    // Where it serves, or the balancer does not say, nothing is done about it.
    for (const serving of [['app-1', 'app-2', 'app-3'], undefined])
      expect(acted({ containers: renewed('app-1'), serving })).toEqual(['replace app-2', 'replace app-3']);
  });
});

describe('scale', () => {
  const scaled = (count: number) => make('', { replicas: { count, instead: 3 } });
  const only = ['app', 'balancer'];
  it('brings new replicas up before the balancer is told, and touches no other', () => {
    expect(acts(plan(scaled(5), { only }).steps)).toEqual(['up alone app-4 app-5', 'reload balancer', 'await-balancer balancer']);
  });
  it('tells the balancer before replicas go', () => {
    expect(acts(plan(scaled(1), { only }).steps)).toEqual(['reload balancer', 'remove-services app-2 app-3']);
    expect(acts(plan(scaled(1)).steps)).toEqual(['reload balancer', 'up app-2 app-3']);
  });
  it('changes neither the edge nor what its container was made of', () => {
    expect(scaled(5).files.inputs.edge).toBe(now.files.inputs.edge);
    expect(scaled(5).files.configs.edge).toBe(now.files.configs.edge);
  });
  it('holds until app.replicas is changed', () => {
    const names = (file: string) =>
      make(file, { replicas: { count: 5, instead: 3 } }).stack.services.filter(({ component }) => component === 'app').length;
    expect([names(''), names('app: { replicas: 2 }')]).toEqual([5, 2]);
  });
});

describe('a plan for some components', () => {
  it('leaves the changes of others for the next `up`', () => {
    const { steps, changes } = plan(make('dbRouter: { memory: 256m }\napp: { logLevel: warn }'), { only: ['app'] });
    expect(acts(steps)).toEqual(['replace app-1', 'replace app-2', 'replace app-3']);
    expect(new Set(changes.map(({ service }) => service))).toEqual(new Set(['app-1', 'app-2', 'app-3']));
  });
});

describe('a deploy', () => {
  const wanted = make('app: { migrate: [node, migrate.js], logLevel: warn }');
  it('migrates once, before the first replica is touched', () => {
    const steps = deploySteps(plan(wanted, { newOverrides: { app: undefined } as never, deploying: true }).steps, wanted.stack);
    expect(acts(steps)).toEqual([
      'make-restore-point app-migrate',
      'run-one-off app-migrate',
      'replace app-1',
      'replace app-2',
      'replace app-3',
    ]);
  });
  it('has the migration neither running nor missed', () => {
    expect(plan(wanted).changes.map(({ service }) => service)).not.toContain('app-migrate');
  });
});

import { describe, expect, it } from 'vitest';
import { deploySteps } from '../../../src/deploy/plan/deploy.ts';
import { migratedSince, migratedText } from '../../../src/deploy/plan/migrated.ts';
import type { Release } from '../../../src/deploy/plan/releases.ts';
import {
  besideSteps,
  inOtherSlots,
  keptSteps,
  keptText,
  refuseOtherSlots,
  settlingSteps,
  strategyOf,
} from '../../../src/deploy/plan/strategy.ts';
import { memoryFinding } from '../../../src/host/plan/machine.ts';
import { appliedValue, type UpFacts } from '../../../src/reconcile/plan/facts.ts';
import { planKeeping } from '../../../src/reconcile/plan/kept.ts';
import { withoutRestorePoint } from '../../../src/reconcile/plan/migrations.ts';
import type { Step } from '../../../src/reconcile/plan/step.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { applyOverrides, type Overrides } from '../../../src/stack/overrides.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const make = (file = '', overrides: Overrides = {}) => {
  const stack = stackOf(load({ file, flags: { profile: 'prod' } }), undefined, undefined, overrides);
  return { stack, files: rendered(stack) };
};
type Made = ReturnType<typeof make>;

const containersOf = ({ stack, files }: Made) =>
  stack.services.filter(({ oneOff }) => !oneOff).map(({ name, image }) => runningContainer(name, files.inputs[name], { image: image.ref }));

/** The facts of a stack that runs as it was rendered. */
function factsOf(before: Made, more: Partial<UpFacts> = {}): UpFacts {
  const applied = Object.fromEntries(
    before.stack.services.map(({ name, certificate }) => [name, appliedValue(before.files.configs[name], certificate ? ['01'] : [])]),
  );
  const installed = Object.fromEntries(before.stack.certificates.map(({ name }) => [name, '01']));
  return settledFacts(before.files, containersOf(before), { applied, installed, ...more });
}

const QUIET: Step['kind'][] = ['write-files', 'activate-config', 'mark-applied', 'prove-config', 'prove-settings', 'create-volume'];
/** A step and what it concerns, in a line each. */
const acts = (steps: readonly Step[], quiet = QUIET) =>
  steps
    .filter((step) => !quiet.includes(step.kind))
    .map((step) => {
      if (step.kind === 'switch-replicas') return `switch to ${step.to.join(' ') || 'none'} from ${step.from.join(' ') || 'none'}`;
      if (step.kind === 'compose-up') return `up${step.alone ? ' alone' : ''} ${step.services.join(' ')}`;
      if (step.kind === 'remove-services') return `remove ${step.services.join(' ')}`;
      return 'service' in step ? `${step.kind} ${String(typeof step.service === 'string' ? step.service : step.service.name)}` : step.kind;
    });

const NAMES = ['app-1', 'app-2', 'app-3'];
const OTHERS = ['app-6', 'app-7', 'app-8'];
const IN_OTHER = { slots: { first: 6, instead: 10 } };

describe('recreate', () => {
  const before = make('app: { strategy: recreate }');
  const after = make('app: { strategy: recreate, logLevel: warn }');
  const planned = (more: Partial<UpFacts> = {}) => planUp(after.stack, after.files, factsOf(before, more));

  it('stops all old replicas before the first new one starts, and enables each when it is ready', () => {
    expect(acts(planned().steps)).toEqual([
      'switch to none from app-1 app-2 app-3',
      'remove app-1 app-2 app-3',
      'up alone app-1 app-2 app-3',
      'admit app-1',
      'admit app-2',
      'admit app-3',
    ]);
  });
  it('tells the outage before', () => {
    expect(planned().changes.find(({ service }) => service === 'app-1')?.downtime).toMatch(/visitors get a page with 503/);
  });
  it('that was killed once all are drained enables the old ones again', () => {
    expect(acts(planUp(before.stack, before.files, factsOf(before, { drained: NAMES })).steps)).toEqual(
      NAMES.map((name) => `admit ${name}`),
    );
  });
  it('that was killed once all are removed starts the old ones, and then enables them', () => {
    const containers = containersOf(before).filter(({ service }) => !NAMES.includes(service));
    const { steps } = planUp(before.stack, before.files, factsOf(before, { containers, drained: NAMES }));
    expect(acts(steps).filter((act) => !act.startsWith('await'))).toEqual([
      'up app-1 app-2 app-3',
      ...NAMES.map((name) => `admit ${name}`),
    ]);
  });
  it('migrates while no replica runs, and makes the restore point before', () => {
    const wanted = make('app: { strategy: recreate, logLevel: warn, migrate: [x] }');
    const { steps } = planUp(wanted.stack, wanted.files, factsOf(before, { deploying: true }));
    expect(acts(deploySteps(steps, wanted.stack)).slice(0, 5)).toEqual([
      'make-restore-point app-migrate',
      'switch to none from app-1 app-2 app-3',
      'remove app-1 app-2 app-3',
      'run-one-off app-migrate',
      'up alone app-1 app-2 app-3',
    ]);
  });
  it('runs no migration, and waits for no restore point, on the way back to a release that has served', () => {
    const wanted = make('app: { strategy: recreate, logLevel: warn, migrate: [x] }');
    const { steps } = planUp(wanted.stack, wanted.files, factsOf(before, { deploying: true }));
    expect(acts(deploySteps(steps, wanted.stack, true)).filter((act) => /migrate/.test(act))).toEqual([]);
    expect(acts(deploySteps(steps, wanted.stack, true))).toContain('up alone app-1 app-2 app-3');
  });
});

describe('blue-green', () => {
  const SETTINGS = 'app: { strategy: blue-green, image: "mine:1", tls: true }';
  const now = make(SETTINGS);
  const next = make('app: { strategy: blue-green, image: "mine:2", tls: true }', IN_OTHER);
  const ONLY = ['app', 'balancer'];
  const candidate = (facts: Partial<UpFacts> = {}) =>
    planUp(next.stack, next.files, factsOf(now, { only: ONLY, deploying: true, ...facts })).steps;

  it('has its second set in the upper half of the slots, and the first there again after the next deploy', () => {
    expect(strategyOf(now.stack)).toBe('blue-green');
    const apps = ({ stack }: Made) => stack.services.filter(({ role }) => role === 'application').map(({ name }) => name);
    expect([apps(now), apps(next)]).toEqual([NAMES, OTHERS]);
    expect(inOtherSlots({}, {}, 10)).toEqual(IN_OTHER);
    expect(inOtherSlots(IN_OTHER, IN_OTHER, 10)).toEqual({});
  });
  it('changes nothing at the edge and the agent by a switch', () => {
    const there = make(SETTINGS, IN_OTHER);
    for (const name of ['edge', 'agent', 'engine-proxy', 'prometheus'])
      expect([there.files.configs[name], there.files.inputs[name]]).toEqual([now.files.configs[name], now.files.inputs[name]]);
  });
  it('starts and proves all before one command switches; the configuration of the balancer follows', () => {
    const { until, after } = besideSteps(deploySteps(candidate(), next.stack), { stack: next.stack, now: now.stack, settling: [] });
    expect(acts(until, ['write-files', 'prove-config', 'prove-settings', 'place-secrets'])).toEqual([
      `up alone ${OTHERS.join(' ')}`,
      ...OTHERS.map((name) => `prove-replica ${name}`),
      `switch to ${OTHERS.join(' ')} from ${NAMES.join(' ')}`,
    ]);
    expect(acts(after, [])).toEqual(['activate-config balancer', 'reload balancer', 'mark-applied balancer']);
  });
  it('removes what an earlier deploy has left before it starts its own', () => {
    const left = [...containersOf(now), ...OTHERS.map((name) => runningContainer(name, 'other', { component: 'app' }))];
    const kept = planUp(now.stack, now.files, factsOf(now, { only: ONLY, deploying: true, containers: left })).steps;
    const settling = settlingSteps(kept);
    const { until } = besideSteps(deploySteps(candidate(), next.stack), { stack: next.stack, now: now.stack, settling });
    expect(acts(until).slice(0, 2)).toEqual([`remove ${OTHERS.join(' ')}`, `up alone ${OTHERS.join(' ')}`]);
  });
  it('that was killed after the switch is undone: the old ones are enabled, the new ones drained, then removed', () => {
    const containers = [...containersOf(now), ...OTHERS.map((name) => runningContainer(name, 'other', { component: 'app' }))];
    const { steps } = planUp(now.stack, now.files, factsOf(now, { containers, drained: NAMES }));
    const done = acts(steps).filter((act) => !act.startsWith('await'));
    expect(done.slice(0, 4)).toEqual([...NAMES.map((name) => `admit ${name}`), `switch to none from ${OTHERS.join(' ')}`]);
    expect(done.length).toBe(5);
  });
  it('leaves the kept replicas alone while there is nothing else to do', () => {
    const there = make(SETTINGS, IN_OTHER);
    const containers = [...containersOf(there), ...NAMES.map((name) => runningContainer(name, 'other', { component: 'app' }))];
    const facts = factsOf(there, { containers });
    expect(planKeeping(there.stack, there.files, facts, NAMES).steps).toEqual([]);
    expect(
      planKeeping(there.stack, there.files, facts, [])
        .changes.filter(({ action }) => action === 'remove')
        .map(({ service }) => service),
    ).toEqual(NAMES);
    const changed = make(`${SETTINGS.slice(0, -2)}, logLevel: warn }`, IN_OTHER);
    const removed = planKeeping(changed.stack, changed.files, facts, NAMES).changes.filter(({ action }) => action === 'remove');
    expect(removed.map(({ service }) => service)).toEqual(NAMES);
  });
  it('is confirmed by removing what is kept alone, whatever medianest.yml says by now', () => {
    const kept = { replicas: NAMES.map((service) => ({ service })) };
    const running = ['balancer', 'app-1', 'app-2', ...OTHERS];
    expect(acts(keptSteps(kept, running, ['balancer', ...OTHERS]))).toEqual(['remove app-1 app-2']);
    // They serve, or are about to.
    expect(keptSteps(kept, running, ['balancer', ...NAMES])).toEqual([]);
    // The plan of an `up` would remove those that serve: with another `app.maxReplicas`, the first set is the one to be.
    const there = make(SETTINGS, IN_OTHER);
    const edited = make(`${SETTINGS.slice(0, -2)}, maxReplicas: 12 }`);
    const containers = [...containersOf(there), ...NAMES.map((name) => runningContainer(name, 'other', { component: 'app' }))];
    const { steps } = planUp(edited.stack, edited.files, factsOf(there, { containers, only: ONLY, deploying: true }));
    expect(acts(settlingSteps(steps))).toContain(`remove ${OTHERS.join(' ')}`);
  });
  it('is refused where app.maxReplicas was edited since, for the set that serves could not be told', () => {
    expect(() => refuseOtherSlots(IN_OTHER, 10)).not.toThrow();
    expect(() => refuseOtherSlots({}, 12)).not.toThrow();
    const refusal = { code: 'NOT_RUNNING', message: expect.stringContaining('maxReplicas is 12'), hint: expect.stringContaining('up') };
    expect(() => refuseOtherSlots(IN_OTHER, 12)).toThrow(expect.objectContaining(refusal));
  });
  it('forgets its slots where app.maxReplicas is another, or the replicas do not fit', () => {
    const slots = (file: string, more: Overrides = {}) => {
      const { settings } = load({ file, flags: { profile: 'prod' } });
      return applyOverrides(settings, { ...IN_OTHER, ...more }, () => 'x').overrides.slots;
    };
    expect(slots('')).toEqual(IN_OTHER.slots);
    expect(slots('app: { maxReplicas: 20 }')).toBeUndefined();
    expect(slots('app: { replicas: 6 }')).toBeUndefined();
    expect(slots('', { replicas: { count: 6, instead: 3 } })).toBeUndefined();
  });
  it.each([
    ['more replicas than half of the slots', 'replicas: 6', /two sets of them.*/, /app\.maxReplicas: 12/],
    [
      'a volume of each replica',
      'volumes: { own: { path: /data, shared: false } }',
      /app\.volumes\.own belongs to one replica/,
      /shared: true/,
    ],
  ])('refuses %s, with the fix', (_what, more, message, hint) => {
    const refused = (): unknown => {
      try {
        return make(`app: { strategy: blue-green, ${more} }`);
      } catch (error) {
        return error;
      }
    };
    expect(refused()).toMatchObject({
      code: 'INVALID_SETTINGS',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(() => make(`app: { ${more} }`)).not.toThrow();
  });
  it('is refused on a machine with memory for one set only, with the fix', () => {
    const large = (strategy: string) => make(`app: { strategy: ${strategy}, memory: 8g }`).stack;
    const total = 12 * 1024 ** 3;
    expect(memoryFinding(large('rolling'), total).status).not.toBe('fail');
    expect(memoryFinding(large('blue-green'), total)).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('the second set of a blue-green deploy (24'),
      remedy: expect.stringContaining('`app.strategy: rolling`'),
    });
  });
  it('says what is kept, and until when', () => {
    expect(keptText('r3', null)).toMatch(/^the replicas of r3 still run: `medianest rollback` switches back/);
    expect(keptText('r3', '2026-11-30T08:00:00.000Z')).toMatch(/still run, until 2026-11-30 08:00:00 UTC:/);
  });
});

describe('a migration at `up`', () => {
  const migrating = make('app: { image: "mine:1", tls: true, migrate: [x] }');
  const planned = (facts: UpFacts, made = migrating) => acts(planUp(made.stack, made.files, facts).steps);
  const database = migrating.stack.services.find(({ role }) => role === 'database');
  const volume = `medianest_${database?.mounts.find(({ kind }) => kind === 'volume')?.source}`;

  it('runs before the first replicas, once what it stands on is there; data that is there already has a restore point', () => {
    const fresh = planned(factsOf(migrating, { containers: [], volumesMade: {} }));
    const at = fresh.indexOf('run-one-off app-migrate');
    expect(fresh[at - 1]).toMatch(/^up alone /);
    expect(fresh[at - 1]).toContain(database?.name);
    expect(fresh[at - 1]).not.toMatch(/ app-| edge| balancer/);
    expect(fresh[at + 1]).toMatch(/^up .* app-1 app-2 app-3/);
    expect(fresh).not.toContain('make-restore-point app-migrate');
    for (const volumesMade of [{ [volume]: 'x' }, undefined]) {
      const again = planned(factsOf(migrating, { containers: [], ...(volumesMade && { volumesMade }) }));
      expect(again[again.indexOf('run-one-off app-migrate') - 1]).toBe('make-restore-point app-migrate');
    }
  });
  it('runs for another image, not for another setting of the same release', () => {
    const newer = make('app: { image: "mine:2", tls: true, migrate: [x] }');
    expect(planned(factsOf(migrating), newer).slice(0, 3)).toEqual([
      'make-restore-point app-migrate',
      'run-one-off app-migrate',
      'replace app-1',
    ]);
    const louder = make('app: { image: "mine:1", tls: true, migrate: [x], logLevel: warn }');
    expect(planned(factsOf(migrating), louder)).toEqual(NAMES.map((name) => `replace ${name}`));
  });
  it('does not run where a release like this has served: an interrupted deploy is undone without it', () => {
    const ordered = make('app: { image: "mine:1", tls: true, migrate: [x] }', {});
    const served = {
      ...ordered.stack,
      services: ordered.stack.services.map((entry) => (entry.migrates ? { ...entry, migrates: { ...entry.migrates, due: false } } : entry)),
    };
    expect(acts(planUp(served, ordered.files, factsOf(make('app: { image: "mine:2", tls: true, migrate: [x] }'))).steps)).toEqual(
      NAMES.map((name) => `replace ${name}`),
    );
  });
  it('has no restore point where the operator wants none, or the stack makes no backups: the latter is told', () => {
    const without = make('app: { image: "mine:2", tls: true, migrate: [x], restorePoint: false }');
    expect(planned(factsOf(migrating), without)).not.toContain('make-restore-point app-migrate');
    expect(withoutRestorePoint(without.stack)).toEqual([]);
    const bare = make('app: { image: "mine:2", tls: true, migrate: [x] }\ncomponents: { backup: false }');
    expect(planned(factsOf(migrating), bare)).not.toContain('make-restore-point app-migrate');
    expect(withoutRestorePoint(bare.stack)).toEqual(['app-migrate']);
  });
});

describe('a rollback', () => {
  const release = (id: string, more: Partial<Release> = {}): Release => ({
    ...{ id, image: 'x', imageId: 'x', digests: [], settings: 's', version: {}, time: '', user: 'ops', command: 'deploy' },
    ...{ result: 'deployed' as const, seconds: 1, ...more },
  });
  const list = [
    release('r1'),
    release('r2', { migrated: true, restorePoint: 'set-2' }),
    release('r3', { migrated: true, restorePoint: 'set-3', result: 'reverted' }),
    release('r4'),
  ];
  it('names the migrations since, also failed ones, and the restore point from before the first', () => {
    expect(migratedSince(list, release('r1'))).toEqual({
      releases: ['r2', 'r3'],
      restorePoint: 'set-2',
      command: 'medianest restore set-2 --only db',
    });
    expect(migratedSince(list, release('r2'))).toMatchObject({ releases: ['r3'], restorePoint: 'set-3' });
    expect([migratedSince(list, release('r3')), migratedSince(list, release('r4'))]).toEqual([undefined, undefined]);
  });
  it('says so, also where no restore point was made', () => {
    const told = migratedSince([release('r1'), release('r2', { migrated: true })], release('r1'));
    expect(told).toEqual({ releases: ['r2'], restorePoint: null, command: null });
    expect(migratedText(told as NonNullable<typeof told>, 'r1')).toMatch(
      /migrated since r1 served \(by r2\).*\n.*no restore point was made/,
    );
  });
});

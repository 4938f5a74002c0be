import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { capabilities } from '../../../src/capabilities.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { describeStep, kindsOf } from '../../../src/project/execute.ts';
import { appliedValue, type UpFacts } from '../../../src/reconcile/plan/facts.ts';
import { settingsVerdict, unjudged } from '../../../src/reconcile/plan/settings-trials.ts';
import type { Step } from '../../../src/reconcile/plan/step.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const make = (file = '', profile = 'prod') => {
  const stack = stackOf(load({ file, flags: { profile } }));
  return { stack, files: rendered(stack) };
};
const now = make();
const ZONE = 'database: { parameters: { timezone: Nowhere/Else } }';
const zone = make(ZONE);

const runs = ({ stack, files } = now): ObservedContainer[] =>
  stack.services.map(({ name, component }) => runningContainer(name, files.inputs[name], { component }));
const installed = Object.fromEntries(now.stack.certificates.map(({ name }) => [name, '01']));
const applied = Object.fromEntries(
  now.stack.services.map(({ name, certificate }) => [name, appliedValue(now.files.configs[name], certificate ? ['01'] : [])]),
);

const plan = (wanted: typeof now, more: Partial<UpFacts> = {}) =>
  planUp(wanted.stack, wanted.files, settledFacts(now.files, runs(), { applied, installed, ...more }));
const trials = (steps: readonly Step[]) => steps.flatMap((step) => (step.kind === 'prove-settings' ? [step] : []));
const judged = (wanted: typeof now, more: Partial<UpFacts> = {}) => trials(plan(wanted, more).steps).map(({ service }) => service);

describe('settings that their own program judges', () => {
  it('are those of the database, once for all of its members', () => {
    expect(judged(zone)).toEqual(['postgres-1']);
    const [step] = trials(plan(zone).steps);
    expect(step?.image).toBe(zone.stack.services.find(({ name }) => name === 'postgres-1')?.image.ref);
    expect(step?.trial.input.split('\0')).toContain('timezone=Nowhere/Else');
  });
  it('are not judged where nothing will read them', () => {
    expect(judged(now)).toEqual([]);
    expect(judged(make('edge: { hsts: true }'))).toEqual([]);
    expect(judged(make(ZONE, 'dev-compose'))).toEqual([]);
  });
  it('are judged at the first start, before each new container, and with a new image', () => {
    expect(judged(now, { containers: [], files: [], liveConfigs: {}, applied: {} })).toEqual(['postgres-1']);
    expect(judged(now, { containers: runs().filter(({ service }) => service !== 'postgres-2') })).toEqual(['postgres-2']);
    expect(judged(make('images: { patroni: "mine/patroni:1" }'))).toEqual(['postgres-1']);
  });
  it('are judged where a command for another component has written them already', () => {
    expect(judged(zone, { files: zone.files.files })).toEqual(['postgres-1']);
    expect(judged(zone, { only: ['edge'] })).toEqual([]);
  });
  it('are judged with the images there, and before anything is written', () => {
    const { steps } = plan(zone, { missingImages: zone.stack.images.map(({ ref }) => ref) });
    const order = steps.map(({ kind }) => kind);
    expect(order.indexOf('prove-settings')).toBeGreaterThan(order.lastIndexOf('build-image'));
    expect(order.slice(0, order.indexOf('prove-settings')).every((kind) => kind === 'build-image' || kind === 'pull-image')).toBe(true);
  });
  it('are not judged twice in one run', () => {
    const { steps } = plan(zone);
    expect(trials(unjudged(steps, steps))).toEqual([]);
    expect(unjudged(steps, steps)).toHaveLength(steps.length - 1);
    expect(trials(unjudged(steps, plan(make('database: { parameters: { work_mem: 5MB } }')).steps))).toHaveLength(1);
    expect(trials(unjudged(steps, []))).toHaveLength(1);
  });
  it('are told in one line', () => {
    expect(trials(plan(zone).steps).map((step) => describeStep(kindsOf(capabilities), step))).toEqual([
      'check database.parameters of postgres-1, in a container that is thrown away',
    ]);
  });
});

describe('the database’s trial', () => {
  const trialOf = (file: string) => trials(plan(make(file)).steps)[0]?.trial;
  it('has every parameter that its members are given, as it is written', () => {
    const input = trialOf(`database: { parameters: { jit: true, random_page_cost: 1.25, application_name: 'it''s \\ "x" = y' } }`)?.input;
    const lines = input?.split('\0') ?? [];
    expect(lines).toEqual(expect.arrayContaining(['jit=true', 'random_page_cost=1.25', 'application_name=it\'s \\ "x" = y']));
    expect(lines).toContain('max_connections=100');
    expect(lines.at(-1)).toBe('');
    const members = parse(zone.files.files.find(({ path }) => path === 'postgres-1/dynamic.yml')?.contents ?? '') as {
      postgresql: { parameters: object };
    };
    expect(Object.keys(members.postgresql.parameters)).toEqual(
      (trialOf(ZONE)?.input ?? '').split('\0').flatMap((line) => line.split('=')[0] || []),
    );
  });
  it('has as much shared memory as they have', () => {
    const compose = parse(zone.files.files.find(({ path }) => path === 'compose.yml')?.contents ?? '') as {
      services: Record<string, { shm_size?: string }>;
    };
    expect(trialOf(ZONE)?.sharedMemory).toBe(compose.services['postgres-1']?.shm_size);
  });
});

describe('the verdict on settings', () => {
  const run = (exitCode: number, stdout = '', tail: string[] = []) => settingsVerdict({ exitCode, stdout, tail });
  it.each([
    ['accepted', run(0, 'anything'), { kind: 'accepted' }],
    ['refused, with each reason', run(3, 'one\n two \n\n'), { kind: 'refused', said: 'one; two' }],
    ['refused without a reason', run(3), { kind: 'refused', said: 'status 3' }],
    ['refused, with a reason on the other stream', run(3, '', ['a', 'b', 'c', 'd']), { kind: 'refused', said: 'b; c; d' }],
    [
      'unknown where the program itself failed',
      run(1, 'x', ['initdb: error: no space']),
      { kind: 'unknown', said: 'initdb: error: no space' },
    ],
    ['unknown where the engine failed', run(125, '', ['no such image']), { kind: 'unknown', said: 'no such image' }],
    ['absent where an own image lacks the program', run(127, '', ['no such file']), { kind: 'absent', said: 'no such file' }],
  ])('is %s', (_name, verdict, wanted) => {
    expect(verdict).toEqual(wanted);
  });
});

describe('a service that reloads and is not well', () => {
  const sick = (health: ObservedContainer['health']) =>
    runs().map((entry) => (/^postgres-\d/.test(entry.service) ? { ...entry, health } : entry));
  const of = (wanted: typeof now, more: Partial<UpFacts>) => {
    const { changes, steps } = plan(wanted, more);
    return {
      changes: changes.filter(({ service }) => /^postgres-\d/.test(service)).map(({ action, cause }) => [action, cause]),
      order: steps.flatMap((step) =>
        step.kind === 'replace-member' || step.kind === 'reload' || step.kind === 'mark-applied'
          ? [`${step.kind} ${step.service}`]
          : step.kind === 'compose-up'
            ? ['compose-up']
            : [],
      ),
    };
  };

  it('is recreated if it is unhealthy and has something new to read, for that may be what it needs', () => {
    const { changes, order } = of(zone, { containers: sick('unhealthy') });
    const cause = 'it is unhealthy, and its configuration files, certificate or secrets changed';
    expect(changes).toEqual([
      ['recreate', cause],
      ['recreate', cause],
    ]);
    expect(order.filter((act) => /^reload|^replace-member/.test(act))).toEqual(['replace-member postgres-1', 'replace-member postgres-2']);
  });
  it('is recreated by force where no other member runs: its label is the same', () => {
    const one = make('database: { members: 1 }');
    const other = make('database: { members: 1, parameters: { work_mem: 5MB } }');
    const containers = runs(one).map((entry) => (entry.service === 'postgres-1' ? { ...entry, health: 'unhealthy' as const } : entry));
    const { steps } = planUp(other.stack, other.files, settledFacts(one.files, containers, { applied, installed }));
    expect(steps).toContainEqual(expect.objectContaining({ kind: 'compose-up', forced: ['postgres-1'] }));
  });
  it('is waited for if it is unhealthy and there is nothing new', () => {
    expect(of(now, { containers: sick('unhealthy') }).changes).toEqual([
      ['start', 'it is unhealthy: wait for it'],
      ['start', 'it is unhealthy: wait for it'],
    ]);
  });
  it('is waited for if it never became healthy with what it was made with', () => {
    const { changes, order } = of(now, { containers: sick('unhealthy'), applied: {} });
    expect(changes.map(([action]) => action)).toEqual(['start', 'start']);
    expect(order).not.toContain('reload postgres-1');
    expect(of(zone, { containers: sick('unhealthy'), applied: {} }).changes.map(([action]) => action)).toEqual(['recreate', 'recreate']);
  });
  it('is waited for and reloaded if it has only begun and there is something new', () => {
    const { changes, order } = of(zone, { containers: sick('starting') });
    expect(changes).toEqual([
      ['start', 'it is starting: wait for it'],
      ['start', 'it is starting: wait for it'],
    ]);
    expect(order).toEqual(['compose-up', 'reload postgres-1', 'reload postgres-2', 'mark-applied postgres-1', 'mark-applied postgres-2']);
    expect(of(now, { containers: sick('starting') }).order).not.toContain('reload postgres-1');
  });
});

import { describe, expect, it } from 'vitest';
import { capabilities } from '../../../src/capabilities.ts';
import type { Execution, Step } from '../../../src/capability/capability.ts';
import { silent } from '../../../src/core/reporter.ts';
import { describeSteps, execute, kindsOf } from '../../../src/project/execute.ts';
import { describePlan, describeUp } from '../../../src/reconcile/describe.ts';
import type { Change } from '../../../src/reconcile/plan/change.ts';
import { planUp } from '../../../src/reconcile/plan/up.ts';
import { awaitedText } from '../../../src/reconcile/unhealthy.ts';
import { painter } from '../../../src/ui/paint.ts';
import { runningContainer, settledFacts } from '../../support/plan-facts.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const kinds = kindsOf(capabilities);
const stack = stackOf(load({ flags: { profile: 'prod' } }));
const files = rendered(stack);
const running = stack.services.map(({ name }) => runningContainer(name, files.inputs[name]));
const first = planUp(
  stack,
  files,
  settledFacts(files, [], {
    files: [],
    liveConfigs: {},
    missingImages: stack.images.map(({ ref }) => ref),
    unplaced: stack.services.filter(({ secrets }) => secrets.length > 0).map(({ name }) => name),
    dueCertificates: Object.fromEntries(stack.certificates.map(({ name }) => [name, 'is not there'])),
    changedSecrets: ['database-password'],
  }),
);
const change = (service: string, action: Change['action'], more: Partial<Change> = {}): Change => ({
  service,
  action,
  cause: `why ${service}`,
  downtime: 'none',
  dataRisk: 'none',
  ...more,
});
const plan = (changes: Change[]) => ({ changes, files: [], leftBehind: [] });
const STEP = { kind: 'compose-up', services: [], alone: false, forced: [], waitSeconds: 60, cause: '' } as Step;

describe('a plan', () => {
  it('says which data comes along, and which does not', () => {
    const text = describePlan(
      { ...plan([change('app-1', 'recreate')]), carried: ['postgres-data'], leftBehind: ['redis-data'] },
      [STEP],
      kinds,
    );
    expect(text).toContain('Data that comes along: postgres-data. The old volume is only read, and stays until you remove it.\n');
    expect(text.indexOf('Data that does not come along: redis-data.')).toBeGreaterThan(text.indexOf('Data that comes along'));
  });
  it('is + ~ - for each change, with what it costs where it costs anything, and one line for what stays', () => {
    const kept = Array.from({ length: 20 }, (_, i) => change(`kept-${i}`, 'keep'));
    const changes = [
      ...kept,
      change('edge', 'create'),
      change('app-1', 'recreate', { downtime: 'a few seconds' }),
      change('redis', 'remove', { downtime: 'it stops', dataRisk: 'its sessions' }),
      change('app-2', 'start', { downtime: 'none: it is not running' }),
      change('balancer', 'reload'),
    ];
    expect(describePlan(plan(changes), [STEP], kinds)).toBe(
      [
        '+ edge      create    why edge',
        '~ app-1     recreate  why app-1',
        '                      downtime: a few seconds',
        '- redis     remove    why redis',
        '                      downtime: it stops',
        '                      data at risk: its sessions',
        '+ app-2     start     why app-2',
        '~ balancer  reload    why balancer',
        '',
        'Steps:',
        '  - wait until everything is healthy',
        '',
        '5 services to change, 20 services unchanged, 0 files to write.',
      ].join('\n'),
    );
  });
  it('of a first start says that everything is started and waited for, after what prepares that', () => {
    const text = describePlan({ ...first, leftBehind: [] }, first.steps, kinds);
    expect(text).toMatch(/^ {2}- issue 18 certificates[\s\S]*^ {2}- start and wait until healthy: .*edge/m);
    expect(text).not.toContain('record what');
  });
  it('without a change is one line', () => {
    const changes = running.map(({ service }) => change(service, 'keep'));
    expect(describePlan(plan(changes), [], kinds)).toBe(`Nothing to do. ${running.length} services unchanged.`);
  });
  it('has a colour for each kind of change, and says nothing by it', () => {
    const changes = [change('a', 'create'), change('b', 'recreate'), change('c', 'remove')];
    const text = describePlan(plan(changes), [STEP], kinds, { width: 80, paint: painter(true) });
    const starts = text.split('\n').slice(0, 3);
    expect(starts.map((line) => line.slice(0, 8))).toEqual(['\u001b[32m+ a', '\u001b[33m~ b', '\u001b[31m- c']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
    expect(text.replace(/\u001b\[\d+m/g, '')).toBe(describePlan(plan(changes), [STEP], kinds));
  });
  it.each([80, 60, 50])('of a first start fits into %i columns, and breaks no word', (width) => {
    const shown = { width, paint: painter(false) };
    const text = describePlan({ ...first, leftBehind: [] }, first.steps, kinds, shown);
    const whole = describePlan({ ...first, leftBehind: [] }, first.steps, kinds);
    expect(text.split(/\s+/)).toEqual(whole.split(/\s+/));
    const tooWide = text.split('\n').filter((line) => line.length > width && line.trim().split(' ').length > 2);
    expect(tooWide).toEqual([]);
  });
});

describe('progress', () => {
  it('of a first start of prod is about ten lines', () => {
    const shown = first.steps.filter(({ kind }) => !kinds[kind].quiet);
    expect(shown.length).toBeGreaterThan(30);
    expect(describeSteps(kinds, shown).length).toBeLessThanOrEqual(10);
  });
  it('is one line for a row of steps, each of them carried out in its order; every step has its own with --verbose', async () => {
    const told: string[] = [];
    const done: string[] = [];
    const task = (title: string) => {
      told.push(title);
      return { detail: (text: string) => told.push(`  ${text}`), done: () => told.push('done'), failed: () => told.push('failed') };
    };
    const kind = {
      describe: ({ at }: { at: string }) => `reload ${at}`,
      many: (steps: readonly unknown[]) => `reload ${steps.length}`,
      perform: ({ at }: { at: string }) => {
        if (at === 'bad') throw new Error('refused');
        done.push(at);
      },
    };
    const run = (verbose: boolean) =>
      ({
        context: {
          capabilities: async () => [{ steps: { row: kind, alone: { ...kind, many: undefined } } }],
          flags: { verbose },
          signal: new AbortController().signal,
          report: { task },
        },
      }) as unknown as Execution;
    const steps = (...names: string[]) => names.map((at) => ({ kind: at.startsWith('x') ? 'alone' : 'row', at }) as unknown as Step);
    await execute(steps('a', 'b', 'x1', 'x2', 'c'), run(false));
    expect(done.splice(0)).toEqual(['a', 'b', 'x1', 'x2', 'c']);
    const lines = ['reload 2', '  reload a', '  reload b', 'done', 'reload x1', 'done', 'reload x2', 'done', 'reload c', 'done'];
    expect(told.splice(0)).toEqual(lines);
    await execute(steps('a', 'b'), run(true));
    expect(told.splice(0)).toEqual(['reload a', 'done', 'reload b', 'done']);
    done.length = 0;
    await expect(execute(steps('a', 'bad', 'c'), run(false))).rejects.toThrow('refused');
    expect([done, told.at(-1)]).toEqual([['a'], 'failed']);
  });
  it('carries a row out at once where its kind can, and one step alone as ever', async () => {
    const done: string[] = [];
    const names = (steps: readonly unknown[]) => (steps as { at: string }[]).map(({ at }) => at).join('+');
    const kind = {
      describe: () => 'one',
      many: () => 'many',
      perform: (step: unknown) => done.push(names([step])),
      performMany: async (steps: readonly unknown[]) => done.push(names(steps)),
    };
    const context = {
      capabilities: async () => [{ steps: { row: kind } }],
      flags: {},
      signal: new AbortController().signal,
      report: silent,
    };
    const steps = (...all: string[]) => all.map((at) => ({ kind: 'row', at }) as unknown as Step);
    await execute(steps('a', 'b', 'c'), { context } as unknown as Execution);
    await execute(steps('d'), { context } as unknown as Execution);
    expect(done).toEqual(['a+b+c', 'd']);
  });
  it('names what is not healthy yet', () => {
    expect(awaitedText(['app-10', 'app-9', 'edge'])).toBe('not healthy yet: app-9, app-10, edge');
  });
});

it('`up` tells what it did in words, coloured where a terminal has it', () => {
  const outcome = {
    project: 'p',
    profile: 'prod',
    result: 'changed',
    changes: [],
    files: [],
    leftBehind: [],
    urls: ['https://a'],
    seconds: 3,
  };
  expect(describeUp(outcome as never, kinds)).toBe('p (prod) is up after 3.0 s.\n  https://a');
  expect(describeUp(outcome as never, kinds, { width: 80, paint: painter(true) })).toContain('\u001b[32mp (prod) is up\u001b[0m after');
});

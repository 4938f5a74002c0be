import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { capabilities } from '../../../src/capabilities.ts';
import {
  type Capability,
  type Context,
  done,
  type Execution,
  type Seen,
  type Step,
  type StepHandlers,
} from '../../../src/capability/capability.ts';
import { commandsOf } from '../../../src/cli/commands.ts';
import { UserError } from '../../../src/core/errors.ts';
import { silent } from '../../../src/core/reporter.ts';
import { collectChecks, collectNotes } from '../../../src/health/collect.ts';
import { describeStep, execute, kindsOf } from '../../../src/project/execute.ts';
import { withLock } from '../../../src/project/with-lock.ts';
import { StateFolder } from '../../../src/state/state.ts';

/** All of a new capability: what is in this object is its folder, and the list below is its line in src/capabilities.ts. */
const wound: number[] = [];
const clock: Capability = {
  name: 'clock',
  commands: [
    { name: 'clock wind', summary: 'Wind the clock', example: 'medianest clock wind', run: async () => done({ turns: 3 }, 'wound') },
  ],
  groups: { clock: { section: 'Machine', summary: 'The clock on the wall' } },
  schedules: [
    {
      group: 'clock',
      what: 'winding, every day',
      runsAtInstall: false,
      timers: [{ name: 'clock', cron: '0 0 * * *', jitter: 60, command: ['clock', 'wind'] }],
    },
  ],
  steps: {
    // A real one declares it in StepKinds, and then src/capabilities.ts does not compile without its handler.
    'wind-clock': {
      describe: ({ turns }: { turns: number }) => `wind the clock ${turns} times`,
      perform: ({ turns }: { turns: number }) => wound.push(turns),
    },
  } as unknown as Partial<StepHandlers>,
  guard: (_state, { resumes }) => {
    if (wound.length > 0 && resumes === undefined) throw new UserError('LOCKED', 'the clock strikes', 'wait a moment');
  },
  checks: () => [{ id: 'clock', status: 'warn', message: 'the clock is slow', remedy: 'medianest clock wind' }],
  notes: ({ containers }) => [`the clock sees ${containers.length} containers`],
};
const all = [...capabilities, clock];
const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-capability-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const state = new StateFolder(path.join(folder, 'state'));
const context = {
  capabilities: async () => all,
  report: silent,
  clock: { now: () => new Date() },
  signal: new AbortController().signal,
  flags: { waitLock: 0 },
} as unknown as Context;

describe('a new capability', () => {
  it('has its commands and schedules on the command line', () => {
    expect(commandsOf(all).map(({ name }) => name)).toEqual([
      ...commandsOf(capabilities).map(({ name }) => name),
      'clock wind',
      'clock schedule',
    ]);
  });

  it('has its steps told and carried out', async () => {
    const step = { kind: 'wind-clock', turns: 3, cause: 'it stopped' } as unknown as Step;
    expect(describeStep(kindsOf(all), step)).toBe('wind the clock 3 times');
    await execute([step], { context } as Execution);
    expect(wound).toEqual([3]);
  });

  it('guards every change, except the one that ends its own work', async () => {
    await expect(withLock(context, state, 'up', async () => 'changed')).rejects.toThrow('the clock strikes');
    await expect(withLock(context, state, 'clock wind', async () => 'changed', { resumes: 'clock' })).resolves.toBe('changed');
  });

  it('is heard by health and status', async () => {
    const seen = {
      context: { ...context, capabilities: async () => [clock] },
      project: { state },
      containers: [{}, {}],
    } as unknown as Seen;
    expect(await collectChecks(seen)).toEqual([expect.objectContaining({ id: 'clock', status: 'warn' })]);
    expect(await collectNotes(seen)).toEqual(['the clock sees 2 containers']);
  });

  it('is a folder and one line of src/capabilities.ts', () => {
    const list = readFileSync(new URL('../../../src/capabilities.ts', import.meta.url), 'utf8');
    for (const { name } of capabilities) expect(list).toContain(`from './${name}/capability.ts'`);
    expect(new Set(capabilities.map(({ name }) => name)).size).toBe(capabilities.length);
  });
});

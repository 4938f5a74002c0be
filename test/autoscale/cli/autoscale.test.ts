import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AutoscaleView } from '../../../src/autoscale/plan/status.ts';
import { medianest } from '../../support/cli.ts';
import { load } from '../../support/settings.ts';

/** A project that was rendered and never started: what is paused and told needs no engine. */
describe('autoscale', { timeout: 120_000 }, () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-autoscale-'));
  const state = (...parts: string[]) => path.join(dir, '.medianest', ...parts);
  const settings = (app: string) => writeFileSync(path.join(dir, 'medianest.yml'), `profile: staging\nproject: scaled\napp: ${app}\n`);
  const ON = '{ autoscale: { min: 2, max: 6, inFlight: 10 } }';
  const run = (...args: string[]) => medianest(args, { cwd: dir });
  const failure = async (...args: string[]) =>
    (JSON.parse((await run(...args, '--json')).stdout) as { error: { code: string; message: string; hint: string } }).error;
  const status = async () => JSON.parse((await run('autoscale', 'status', '--json')).stdout) as AutoscaleView;
  const lines = () =>
    readFileSync(state('audit.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { command: string }).command);

  beforeAll(async () => {
    settings(ON);
    expect((await run('render')).status).toBe(0);
  });
  beforeEach(() => {
    settings(ON);
    rmSync(state('autoscale'), { recursive: true, force: true });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('is off without the setting, and says what switches it on', async () => {
    settings('{}');
    expect(await status()).toMatchObject({ state: 'off', replicas: 2, min: null });
    expect((await run('autoscale', 'status')).stdout).toContain('app.autoscale in medianest.yml switches it on');
    for (const args of [['run'], ['pause']]) expect(await failure('autoscale', ...args)).toMatchObject({ code: 'INVALID_SETTINGS' });
    expect((await run('jobs', 'list')).stdout).not.toMatch(/^autoscale/m);
  });

  it('is a job of each minute where it is on', async () => {
    expect((await run('jobs', 'list')).stdout).toMatch(/^autoscale +\* \* \* \* \* .*medianest autoscale run/m);
    expect(await status()).toMatchObject({ state: 'not running', replicas: 2, min: 2, max: 6, load: null, looked: null });
  });

  it('is paused from the beginning of a `scale` by hand on, also where that fails half-way', async () => {
    const { autoscale } = await import('../../../src/autoscale/capability.ts');
    const { StateFolder } = await import('../../../src/state/state.ts');
    const request = {
      context: { clock: { now: () => new Date() } },
      project: { loaded: load({ flags: { profile: 'staging' }, file: `app: ${ON}` }), state: new StateFolder(state()) },
    };
    await autoscale.up?.begins?.(request as never, 'autoscale app=3');
    expect((await status()).pause).toBeNull();
    await autoscale.up?.begins?.(request as never, 'scale app=5');
    expect(await status()).toMatchObject({ state: 'paused', pause: { replicas: 5 } });
  });

  it('is paused for a time, and continues when a person says so; both are in the audit log', async () => {
    expect((await run('autoscale', 'pause', '--for', '90m', '--dry-run')).stdout).toContain('would be paused at 2 replicas by');
    expect((await status()).pause).toBeNull();
    expect((await run('autoscale', 'pause', '--for', '90m')).stdout).toMatch(/^paused at 2 replicas by \S+ until /);
    const { pause, state: paused } = await status();
    expect(paused).toBe('paused');
    expect(Date.parse(pause?.until ?? '') - Date.now()).toBeGreaterThan(89 * 60_000);
    expect((await run('autoscale', 'resume')).stdout).toContain('autoscaling continues');
    expect((await run('autoscale', 'resume')).stdout).toContain('nothing is paused');
    expect((await status()).state).toBe('not running');
    expect(lines().slice(-2)).toEqual(['medianest autoscale pause --for 5400s', 'medianest autoscale resume']);
  });

  it.each([
    ['--for', 'ever'],
    ['--for', '0x'],
  ])('is not paused %s %s', async (option, value) => {
    expect(await failure('autoscale', 'pause', option, value)).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--for') });
  });

  it.each(['state.json', 'pause.json'])('tells of a damaged %s instead of going by it', async (name) => {
    for (const text of ['{', '[]', '{"until":"never"}']) {
      mkdirSync(state('autoscale'), { recursive: true });
      writeFileSync(state('autoscale', name), text);
      expect(await failure('autoscale', 'status')).toMatchObject({ code: 'STATE_DAMAGED', message: expect.stringContaining(name) });
    }
  });

  it.each([
    ['{ autoscale: { min: 2, max: 20, inFlight: 5 } }', /app\.autoscale\.max is 20, and the balancer keeps 10 slots/],
    ['{ autoscale: { min: 2, max: 5 } }', /needs a target/],
  ])('refuses settings that cannot be meant: %s', async (text, words) => {
    settings(text);
    expect(await failure('config', 'validate')).toMatchObject({ code: 'INVALID_SETTINGS', message: expect.stringMatching(words) });
  });
});

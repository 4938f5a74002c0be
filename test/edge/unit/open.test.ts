import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { backupAdvice } from '../../../src/backup/plan/schedule.ts';
import { poll } from '../../../src/core/poll.ts';
import { browserProgram } from '../../../src/edge/plan/browser.ts';
import { startProgram } from '../../../src/edge/start-program.ts';
import { describeNext, isFirst, nextSteps } from '../../../src/reconcile/describe.ts';
import { temporaryFolder } from '../../support/temporary.ts';

describe('the program that opens a browser', () => {
  it.each([
    ['linux', { DISPLAY: ':0' }, 1000, 'xdg-open'],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 1000, 'xdg-open'],
    ['linux', { WSL_DISTRO_NAME: 'Debian', DISPLAY: ':0' }, 1000, 'wslview'],
    ['linux', { SSH_CONNECTION: '10.0.0.2 50000 10.0.0.1 22' }, 1000, undefined],
    ['linux', { DISPLAY: '' }, 1000, undefined],
    ['linux', { DISPLAY: ':0' }, 0, undefined],
    ['darwin', {}, 501, 'open'],
    ['win32', {}, undefined, undefined],
  ])('on %s with %j as %s is %s', (platform, env, uid, program) => {
    expect(browserProgram(platform, env, uid)).toBe(program);
  });
  it('is given the address as one argument, and its failure is told', async () => {
    const folder = temporaryFolder('open');
    const script = (name: string, text: string) => {
      writeFileSync(path.join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      return path.join(folder, name);
    };
    const seen = path.join(folder, 'seen');
    const works = script('works', `[ "$#" = 1 ] && [ "$1" = 'https://a/?x=$(id)&y=1' ] && : >'${seen}'`);
    expect(await startProgram(works, ['https://a/?x=$(id)&y=1'])).toBe(true);
    expect(existsSync(seen)).toBe(true);
    expect(await startProgram(script('fails', 'exit 3'), ['https://a'])).toBe(false);
    expect(await startProgram(path.join(folder, 'none'), ['https://a'])).toBe(false);
  });
  it('is not waited for while its window is open', async () => {
    const folder = temporaryFolder('open');
    const file = path.join(folder, 'stays');
    const over = path.join(folder, 'over');
    writeFileSync(file, `#!/bin/sh\nsleep 4\n: >'${over}'\n`, { mode: 0o755 });
    expect(await startProgram(file, ['https://a'])).toBe(true);
    expect(existsSync(over)).toBe(false);
    await poll(async () => existsSync(over) || undefined, { every: 100, timeout: 15_000, signal: new AbortController().signal });
    expect(existsSync(over)).toBe(true);
  });
});

describe('what to do next', () => {
  const change = (action: string) => ({ action }) as never;
  it.each([
    ['changed', ['create', 'create'], true],
    ['changed', ['create', 'keep'], false],
    ['changed', ['recreate'], false],
    ['unchanged', ['keep'], false],
    ['unchanged', [], false],
    ['planned', ['create'], false],
  ])('%s with %j is told: %s', (result, actions, told) => {
    expect(isFirst({ result: result as never, changes: actions.map(change) })).toBe(told);
  });
  it('is to trust the CA, to open the portal and to schedule backups', () => {
    const steps = nextSteps({ trust: '/s/ca/root.crt', urls: ['https://a'] }, backupAdvice(false, true));
    expect(describeNext(steps)).toBe(
      [
        'Next:',
        '  medianest certs ca trust     so that browsers here trust it; elsewhere import /s/ca/root.crt',
        '  medianest open               the portal in your browser',
        '  sudo medianest jobs install  backups, verification, drills and renewals by themselves',
      ].join('\n'),
    );
    expect(nextSteps({ urls: [] }, [])).toEqual([]);
  });
  it('has no schedule to install where there is one, or no systemd', () => {
    expect(backupAdvice(true, true)).toEqual([]);
    expect(backupAdvice(false, false)).toEqual([expect.objectContaining({ command: 'medianest jobs watch' })]);
  });
});

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BackupSet } from '../../../src/backup/plan/backup-sets.ts';
import { setAt } from '../../support/backup/backup-sets.ts';
import { PROGRAM, run as runProgram, typing } from '../../support/cli.ts';
import { folder, json } from '../../support/command.ts';

/** No engine is reached: what is refused here is refused before one is asked. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nowhere.sock' };
const own = folder('profile: prod\n');
const run = (...args: string[]) => own.run(args, { env: NO_ENGINE });
const know = (sets: BackupSet[]) => {
  mkdirSync(own.state, { recursive: true });
  writeFileSync(path.join(own.state, 'backups.json'), JSON.stringify({ repository: 'r', sets }));
};
const full = setAt('2026-11-25T08:00:00Z', { id: '20261125-080000-full' });
const safety = setAt('2026-11-25T09:00:00Z', { id: '20261125-090000-incr', reason: 'safety' });

beforeEach(() => know([full, safety]));

describe('a restore that does not say what', () => {
  it.each([[['--yes']], [[]], [['--dry-run']], [['--only', 'files', '--yes']]])(
    '%j is refused without a terminal, with the three ways',
    async (args) => {
      const { status, stdout, stderr } = await run('restore', ...args);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^Error: what to restore is not said: .*nothing was changed\nFix: say one of these:\n/);
      const more = args[0] === '--only' ? ' --only files' : '';
      for (const way of ['latest', '20261125-080000-full', '--to "10 minutes ago"', '--to newest'])
        expect(stderr).toContain(`medianest restore ${way}${more} `);
    },
  );
  it('as JSON too, into a project of its own too, and before anything is fetched from a copy', async () => {
    for (const args of [
      ['--into', 'look', '--sanitize'],
      ['--from', 'sftp', '--yes'],
    ]) {
      const { status, stdout } = await run('restore', ...args, '--json');
      const { error } = json(stdout);
      expect([status, error.code]).toEqual([2, 'USAGE']);
      expect(error.hint).toContain(`medianest restore latest ${args.filter((word) => word !== '--yes').join(' ')} `);
    }
  });
  it('names the command for the newest set where that is given as a moment', async () => {
    const { status, stderr } = await run('restore', '--to', 'latest', '--yes');
    expect([status, stderr]).toEqual([2, expect.stringMatching(/Fix: medianest restore latest/)]);
  });
  it('names no set where none is known', async () => {
    know([]);
    const { status, stderr } = await run('restore', '--yes');
    expect([status, stderr]).toEqual([2, expect.not.stringContaining('2026')]);
  });
  it('resumes one that was interrupted, and needs an engine then', async () => {
    const half = {
      set: full.id,
      target: 'x',
      parts: ['db'],
      undo: false,
      member: '',
      safety: null,
      at: '2026-11-25T10:00:00Z',
      touched: [],
    };
    const file = path.join(own.state, 'restoring.json');
    writeFileSync(file, JSON.stringify(half));
    const resumed = await run('restore', '--yes', '--json');
    const into = await run('restore', '--into', 'look', '--json');
    await runProgram('rm', [file]);
    expect(json(resumed.stdout).error.code).not.toBe('USAGE');
    expect(json(into.stdout).error.code).toBe('USAGE');
  });
  it('at a terminal shows the sets and asks, again after an answer that means nothing', async () => {
    const line = `'${process.execPath}' '${PROGRAM}' restore`;
    const { stdout, status } = await runProgram('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      cwd: own.dir,
      env: { ...NO_ENGINE, COLUMNS: '200' },
      interactive: true,
      onSpawn: (child) => typing(child, ['7', '', '2026-02-30 10:00Z', '\u0004']),
    });
    expect(status).toBe(2);
    expect(stdout).toMatch(/1 +20261125-090000-incr +2026-11-25 09:00:00 UTC +full +1 B +safety set/);
    expect(stdout).toMatch(/2 +20261125-080000-full .* latest/);
    expect(stdout).toContain('there is no set number 7');
    expect(stdout).toContain('there is no 2026-02-30');
    expect(stdout).toContain('what to restore is not said');
  });
});

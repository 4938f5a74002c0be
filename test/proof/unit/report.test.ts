import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseArguments, SUITES } from '../../../scripts/proof/arguments.mjs';
import { noted } from '../../../scripts/proof/ledger.mjs';
import { pool } from '../../../scripts/proof/pool.mjs';
import { count, failures, lastLine, proofs, SLOWEST, slowest, unsteady } from '../../../scripts/proof/report.mjs';
import { HOME } from '../../support/cli.ts';

const test = (name: string, state: string, ...errors: string[]) => ({ name, state, errors });
const file = (name: string, tests: ReturnType<typeof test>[], seconds = 1, errors: string[] = []) => ({
  file: name,
  seconds,
  tests,
  errors,
});

describe('what one process of vitest has done', () => {
  it('is counted', () => {
    const tests = [test('a', 'passed'), test('b', 'failed', 'no'), test('c', 'skipped')];
    expect(count([file('x', tests)], { status: 1 })).toEqual({ passed: 1, failed: 1, skipped: 1 });
  });

  it.each([
    ['a file whose set-up broke', [file('x', [test('a', 'skipped')], 1, ['not ready'])], { status: 1 }],
    ['beside another that passed', [file('y', [test('a', 'passed')]), file('x', [], 1, ['no such import'])], { status: 1 }],
    ['no file at all', [], { status: 1, errors: ['it broke'] }],
    ['no test, although all is said to be well', [], { status: 0 }],
    ['an error outside of tests', [file('x', [test('a', 'passed')])], { status: 1, errors: ['unhandled'] }],
    ['a status that nothing explains', [file('x', [test('a', 'passed')])], { status: 1 }],
  ])('has failed once with %s, and says why', (_what, files, end) => {
    expect(count(files, end).failed).toBe(1);
    expect(failures('e2e', files, end)).toHaveLength(1);
    expect(failures('e2e', files, end)[0]).toMatch(/^FAILED e2e: ./);
  });

  it('says why on one line of bounded length', () => {
    const [line = ''] = failures('unit', [file('x', [test('a b', 'failed', `one\n  two ${'x'.repeat(2000)}`)])], { status: 1 });
    expect(line).toMatch(/^FAILED unit: a b: one two x+$/);
    expect(line.length).toBeLessThan(1000);
  });
});

describe('at the end', () => {
  it('the last line is what others read', () => {
    expect(lastLine({ passed: 3, failed: 2, skipped: 1 })).toBe('3 passed, 2 failed, 1 skipped');
  });

  it('the slowest files are named, the slowest first', () => {
    const lines = slowest(Array.from({ length: 20 }, (_, index) => file(`f${index}`, [], index)));
    expect(lines).toHaveLength(SLOWEST);
    expect(lines[0]).toMatch(/19\.0 s {2}f19$/);
  });

  it('each capability has its proof: how many tests of each kind, which files ran, which did not', () => {
    const ran = [
      file('test/backup/unit/sets.test.ts', [test('a', 'passed'), test('b', 'passed')]),
      file('test/backup/unit/keep.test.ts', [test('c', 'passed'), test('d', 'failed')]),
      file('test/backup/e2e/backup.test.ts', [test('e', 'passed')]),
      file('test/backup/deep/odd.test.ts', [test('f', 'passed')]),
      file('test/waf/contract/waf.test.ts', [test('g', 'passed')]),
    ];
    const lines = proofs(ran, [{ file: 'test/backup/deep/damage.test.ts' }, { file: 'test/edge/deep/floods.alone.test.ts' }]);
    expect(lines.map((line) => line.replace(/ +/, ': '))).toEqual([
      'backup: 3 unit; e2e backup; deep odd; left out damage',
      'edge: left out floods',
      'waf: 1 contract',
    ]);
  });
});

describe('the ledger', () => {
  const a = { seconds: 5, lastRun: '1', commit: 'old' };
  const before = { steps: { cli: 10 }, files: { a, gone: a } };
  const run = {
    commit: 'new' as string | undefined,
    now: '2',
    tests: ['a', 'b'],
    steps: { unit: 7.6 },
    ended: [{ file: 'b', took: 9.4, passed: true }],
  };

  it('has the times, dates and commits of what passed, and forgets what is gone', () => {
    expect(noted(before, run)).toEqual({
      steps: { cli: 10, unit: 8 },
      files: { a, b: { seconds: 9, lastRun: '2', commit: 'new', runs: '+' } },
    });
  });

  it('keeps the last success of a file that failed, which so comes first again, and how its last runs ended', () => {
    const failed = (file: string) => ({ ...run, ended: [{ file, took: 50, passed: false }] });
    const once = noted(before, failed('a'));
    expect(once.files.a).toEqual({ ...a, runs: '-' });
    expect(noted(before, failed('b')).files.b).toEqual({ seconds: 50, runs: '-' });
    let ledger = { ...once, files: { ...once.files, b: { ...a, runs: '-----' } } };
    for (let i = 0; i < 4; i++) ledger = noted(ledger, run) as typeof ledger;
    expect(ledger.files.b).toMatchObject({ seconds: 9, runs: '-++++' });
    expect(unsteady(ledger.files)).toEqual(['a: 0 of its last 1 runs passed (-)', 'b: 4 of its last 5 runs passed (-++++)']);
    expect(unsteady(noted(ledger, { ...run, ended: [...run.ended, { file: 'a', took: 5, passed: true }] }).files)).toEqual([
      'a: 1 of its last 2 runs passed (-+)',
    ]);
  });

  it('keeps the record of a file that ran on files of no commit', () => {
    const ended = [{ file: 'a', took: 50, passed: true }];
    expect(noted(before, { ...run, commit: undefined, ended }).files.a).toEqual(a);
  });
});

describe('jobs on two lanes', () => {
  const ran = async (jobs: { name: string; alone: boolean }[], mayStart: (name: string) => boolean = () => true) => {
    const log: string[] = [];
    let going = 0;
    let most = 0;
    await pool(jobs, 2, {
      mayStart: ({ name }) => mayStart(name),
      run: async ({ name, alone }) => {
        most = Math.max(most, ++going);
        if (alone) expect(going).toBe(1);
        log.push(name);
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (alone) expect(going).toBe(1);
        going--;
      },
      leave: ({ name }) => log.push(`not ${name}`),
    });
    return { log, most };
  };
  const job = (name: string, alone = false) => ({ name, alone });

  it('run two at a time, in their order, and what is alone has both', async () => {
    expect(await ran([job('a'), job('b'), job('c', true), job('d'), job('e')])).toEqual({ log: ['a', 'b', 'c', 'd', 'e'], most: 2 });
  });

  it('are left where they may not start, and the others go on', async () => {
    expect((await ran([job('a'), job('b'), job('c')], (name) => name !== 'b')).log).toEqual(['a', 'not b', 'c']);
  });
});

describe('arguments', () => {
  it('are 45 minutes where nothing is said, and no limit for all or for one suite', () => {
    expect(parseArguments([])).toEqual({ files: [], all: false, note: false, plan: false, budget: 2700 });
    expect(parseArguments(['--all'])).toMatchObject({ all: true, note: true, budget: Number.POSITIVE_INFINITY });
    expect(parseArguments(['--only', 'deep'])).toMatchObject({ only: 'deep', all: true, note: false });
    expect(parseArguments(['--only', 'deep', '--budget', '10'])).toMatchObject({ only: 'deep', all: false, budget: 600 });
    const file = 'test/backup/e2e/backup.test.ts';
    expect(parseArguments(['--file', file, '--note'])).toMatchObject({ files: [file], all: true, note: true });
  });

  it.each([
    [['--only', 'alone']],
    [['--file', 'test/backup/unit/rounds.test.ts']],
    [['--file']],
    [['--only']],
    [['--budget', '0']],
    [['--budget', 'x']],
    [['-x']],
  ])('%j is refused', (args) => {
    expect(() => parseArguments(args)).toThrow();
  });

  it('name the suites that test.sh names', () => {
    const [, named] = /^ALL=\((.*)\)$/m.exec(readFileSync(path.join(HOME, 'scripts/test.sh'), 'utf8')) ?? [];
    expect(named?.split(' ')).toEqual(SUITES);
  });
});

import { describe, expect, it } from 'vitest';
import { testFile } from '../../../scripts/proof/files.mjs';
import { duration, fits, type Ledger, pace, select, UNKNOWN_SECONDS } from '../../../scripts/proof/select.mjs';

type Selection = ReturnType<typeof select>;

const test = (file: string) => {
  const found = testFile(file);
  if (!found) throw new Error(`no test file: ${file}`);
  return found;
};
const TESTS = [
  'test/journey/prod.test.ts',
  'test/browser/portal.test.ts',
  'test/backup/e2e/backup.test.ts',
  'test/backup/deep/odd.test.ts',
  'test/cache/e2e/cache.test.ts',
  'test/cache/deep/faults.alone.test.ts',
  'test/edge/deep/floods.alone.test.ts',
].map(test);
const ledger: Ledger = {
  steps: {},
  files: {
    'test/journey/prod.test.ts': { seconds: 100, lastRun: '2026-01-05', commit: 'c' },
    'test/browser/portal.test.ts': { seconds: 50, lastRun: '2026-01-05', commit: 'c' },
    'test/backup/e2e/backup.test.ts': { seconds: 100, lastRun: '2026-01-04', commit: 'c' },
    'test/backup/deep/odd.test.ts': { seconds: 100, lastRun: '2026-01-03', commit: 'c' },
    'test/cache/e2e/cache.test.ts': { seconds: 100, lastRun: '2026-01-02', commit: 'c' },
    'test/cache/deep/faults.alone.test.ts': { seconds: 60, lastRun: '2026-01-01', commit: 'c' },
    'test/edge/deep/floods.alone.test.ts': { seconds: 300, lastRun: '2025-12-01', commit: 'c' },
  },
};
const names = (files: readonly { file: string }[]) => files.map(({ file }) => file.split('/').at(-1)?.replace('.test.ts', ''));
const chosen = (more: { budget: number; touched?: string[]; all?: boolean; before?: number; ledger?: Ledger }): Selection =>
  select({
    tests: TESTS,
    ledger,
    before: 0,
    ...more,
    touched: new Map((more.touched ?? []).map((file) => [file, 'src/x.ts'])),
  });

describe('the files of a run', () => {
  it('are the journey and the browser, however little time there is', () => {
    const { run, leftOut } = chosen({ budget: 1 });
    expect(names(run)).toEqual(['prod', 'portal']);
    expect(leftOut).toHaveLength(5);
  });

  it('are the touched e2e next, then what is touched and deep, then what was not run for longest', () => {
    const touched = ['test/backup/e2e/backup.test.ts', 'test/backup/deep/odd.test.ts'];
    expect(names(chosen({ budget: 150, touched }).run)).toEqual(['backup', 'prod', 'portal']);
    expect(names(chosen({ budget: 205, touched }).run)).toEqual(['backup', 'prod', 'portal']);
    // `odd`, and on the lane beside it what fits; the oldest does not.
    const more = chosen({ budget: 300, touched });
    expect(names(more.run)).toEqual(['backup', 'prod', 'portal', 'odd', 'cache']);
    expect(names(more.leftOut)).toEqual(['floods.alone', 'faults.alone']);
    expect(more.seconds).toBe(250);
    expect(names(chosen({ budget: 310, touched }).run)).toContain('faults.alone');
  });

  it('never take longer than the budget by their recorded times, whatever the budget is', () => {
    for (let budget = 150; budget < 800; budget += 10)
      expect(chosen({ budget, before: 0, touched: ['test/backup/e2e/backup.test.ts'] }).seconds).toBeLessThanOrEqual(budget);
  });

  it('are fewer where the steps before them take longer', () => {
    expect(chosen({ budget: 400, before: 200 }).run.length).toBeLessThan(chosen({ budget: 400 }).run.length);
  });

  it('are all of them where all are asked for, also without a known time', () => {
    const { run, leftOut } = chosen({ budget: Number.POSITIVE_INFINITY, all: true, ledger: { steps: {}, files: {} } });
    expect([run.length, leftOut]).toEqual([TESTS.length, []]);
    expect(run.find(({ file }) => file.includes('floods'))?.seconds).toBe(UNKNOWN_SECONDS.deep);
  });

  it('are each either run or left out, with the reason', () => {
    const { run, leftOut } = chosen({ budget: 400, touched: ['test/edge/deep/floods.alone.test.ts'] });
    expect([...run, ...leftOut].map(({ file }) => file).sort()).toEqual(TESTS.map(({ file }) => file).sort());
    expect(leftOut).toContainEqual({
      file: 'test/edge/deep/floods.alone.test.ts',
      why: 'takes 300 s, last run 2025-12-01',
    });
    expect(run.find(({ file }) => file.includes('cache/e2e'))?.why).toBe('there is time; last run 2026-01-02');
  });

  it('are the same for the same change, ledger and budget, in whatever order they are found', () => {
    const input = { ledger, touched: new Map([['test/backup/e2e/backup.test.ts', 'x']]), budget: 320, before: 0 };
    expect(select({ ...input, tests: TESTS.toReversed() })).toEqual(select({ ...input, tests: TESTS }));
  });
});

describe('time', () => {
  it('is that of the fuller lane, and of each file that runs alone', () => {
    expect(duration([])).toBe(0);
    const shared = [90, 50, 30].map((seconds) => ({ seconds, alone: false }));
    expect(duration([...shared, { seconds: 10, alone: true }])).toBe(100);
  });

  it('that is left decides whether a file is started: by its record, longer where those before it took longer', () => {
    expect(fits({ seconds: 100 }, { elapsed: 900, budget: 1000, pace: 1 })).toBe(true);
    expect(fits({ seconds: 101 }, { elapsed: 900, budget: 1000, pace: 1 })).toBe(false);
    expect(fits({ seconds: 60 }, { elapsed: 900, budget: 1000, pace: 2 })).toBe(false);
    // A fast machine does not let a file in that its record would not.
    expect(fits({ seconds: 101 }, { elapsed: 900, budget: 1000, pace: 0.5 })).toBe(false);
  });

  it('is measured against the records', () => {
    expect(pace([])).toBe(1);
    const two = [
      { seconds: 100, took: 150 },
      { seconds: 100, took: 250 },
    ];
    expect(pace(two)).toBe(2);
  });
});

// @ts-check
// Which files a run takes, and in which order: pure, so that the same change, ledger and budget give the same run.
import { capabilityOrder } from './report.mjs';

/**
 * @typedef {import('./files.mjs').TestFile} TestFile
 * @typedef {{ seconds: number, lastRun?: string, commit?: string, runs?: string }} Record what the ledger knows of a file: its last
 *   success, and how its last runs ended
 * @typedef {{ steps: { [step: string]: number }, files: { [file: string]: Record } }} Ledger
 * @typedef {TestFile & { seconds: number, why: string, must: boolean }} Planned
 * @typedef {{ file: string, why: string }} LeftOut
 */

/** What a file takes that was never run. */
export const UNKNOWN_SECONDS = { e2e: 180, deep: 300, journey: 900, browser: 60 };
export const LANES = 2;

/** What comes before the files, in the order it is run; two that run beside each other take as long as the longer one. */
const STEPS = [['prepare'], ['engine', 'check+unit+golden'], ['contract'], ['portal'], ['cli']];
const UNKNOWN_STEP = 240;

/** @param {Ledger} ledger */
export const secondsOfSteps = (ledger) =>
  STEPS.reduce((sum, beside) => sum + Math.max(...beside.map((step) => ledger.steps[step] ?? UNKNOWN_STEP)), 0);

/**
 * How long files take on the lanes, as `pool` runs them: one that is alone waits for those before it.
 * @param {{ seconds: number, alone: boolean }[]} files in the order in which they are started
 */
export function duration(files) {
  /** @type {number[]} */
  const lanes = new Array(LANES).fill(0);
  for (const { seconds, alone } of files) {
    const free = lanes.indexOf(Math.min(...lanes));
    if (alone) lanes.fill(Math.max(...lanes) + seconds);
    else lanes[free] = Math.min(...lanes) + seconds;
  }
  return Math.max(...lanes);
}

/** The order of a run: what must run first, what shares the machine before what has it alone, the longest first. */
const inOrder = (/** @type {Planned[]} */ files) =>
  files.toSorted(
    (a, b) => Number(b.must) - Number(a.must) || Number(a.alone) - Number(b.alone) || b.seconds - a.seconds || (a.file < b.file ? -1 : 1),
  );

/**
 * @param {{ tests: TestFile[], ledger: Ledger, touched: Map<string, string>, budget: number, all?: boolean, before: number }} input
 *   `tests` are the journey, the browser, e2e and deep; `budget` in seconds, for the whole run; `before`: what the steps before take
 * @returns {{ run: Planned[], leftOut: LeftOut[], seconds: number }}
 */
export function select({ tests, ledger, touched, budget, all = false, before }) {
  // The journey from its first success on: until the ledger knows one, it runs when there is time, or by name.
  const always = (/** @type {TestFile} */ { kind, file }) => kind === 'browser' || (kind === 'journey' && ledger.files[file] !== undefined);
  const lastRun = (/** @type {TestFile} */ { file }) => ledger.files[file]?.lastRun ?? '';
  // Touched e2e, then touched deep, then what was not run for longest; those of one capability stand together.
  const rank = (/** @type {TestFile} */ test) => {
    if (always(test)) return 0;
    if (!touched.has(test.file)) return 3;
    return test.kind === 'e2e' ? 1 : 2;
  };
  const candidates = tests.toSorted(
    (a, b) =>
      rank(a) - rank(b) ||
      lastRun(a).localeCompare(lastRun(b)) ||
      capabilityOrder(a.capability, b.capability) ||
      (a.file < b.file ? -1 : 1),
  );
  /** @type {Planned[]} */
  const run = [];
  /** @type {LeftOut[]} */
  const leftOut = [];
  for (const test of candidates) {
    const seconds = ledger.files[test.file]?.seconds ?? UNKNOWN_SECONDS[/** @type {keyof typeof UNKNOWN_SECONDS} */ (test.kind)];
    const because = touched.get(test.file);
    const why = always(test)
      ? 'always'
      : because
        ? `touched: ${because}`
        : all
          ? 'all'
          : `there is time; last run ${lastRun(test) || 'never'}`;
    const planned = { ...test, seconds, why, must: rank(test) < 2 };
    const total = before + duration(inOrder([...run, planned]));
    if (all || always(test) || total <= budget) run.push(planned);
    else
      leftOut.push({
        file: test.file,
        why: `takes ${Math.round(seconds)} s, last run ${lastRun(test) || 'never'}`,
      });
  }
  return { run: inOrder(run), leftOut, seconds: before + duration(inOrder(run)) };
}

/**
 * Whether a planned file may still be started: by its recorded time, drawn out as those before it were, it ends within the budget.
 * @param {{ seconds: number }} file
 * @param {{ elapsed: number, budget: number, pace: number }} now
 */
export const fits = ({ seconds }, { elapsed, budget, pace }) => elapsed + seconds * Math.max(1, pace) <= budget;

/**
 * How much longer files have taken than recorded, all together.
 * @param {{ seconds: number, took: number }[]} ended
 */
export function pace(ended) {
  const recorded = ended.reduce((sum, { seconds }) => sum + seconds, 0);
  return recorded === 0 ? 1 : ended.reduce((sum, { took }) => sum + took, 0) / recorded;
}

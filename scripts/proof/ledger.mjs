// @ts-check
// test/proof.json: how long files take, and when and on which commit each was last proven.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';

/** @typedef {import('./select.mjs').Ledger} Ledger */

export const LEDGER = 'test/proof.json';

/** @returns {Ledger} */
export function readLedger() {
  try {
    return JSON.parse(readFileSync(LEDGER, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return { steps: {}, files: {} };
    throw error;
  }
}

export const writeLedger = (/** @type {Ledger} */ ledger) => writeFileSync(LEDGER, `${JSON.stringify(ledger, null, 2)}\n`);

/** How many of a file's last runs the ledger remembers. */
const REMEMBERED_RUNS = 5;

/**
 * The ledger after a run. A file that failed, or ran on a changed tree, keeps its last record, so that it comes first again; one that
 * is gone is forgotten. `runs` has a sign for each of the last runs, the newest last: `+` passed, `-` failed.
 * @param {Ledger} ledger
 * @param {{ commit: string | undefined, now: string, tests: string[], steps: { [step: string]: number },
 *   ended: { file: string, took: number, passed: boolean }[] }} run `commit`: none for a changed tree
 * @returns {Ledger}
 */
export function noted(ledger, { commit, now, tests, steps, ended }) {
  const files = Object.fromEntries(Object.entries(ledger.files).filter(([file]) => tests.includes(file)));
  for (const { file, took, passed } of ended) {
    if (!commit) break;
    const before = files[file];
    const runs = `${before?.runs ?? ''}${passed ? '+' : '-'}`.slice(-REMEMBERED_RUNS);
    const seconds = Math.round(took);
    files[file] = passed ? { seconds, lastRun: now, commit, runs } : { ...(before ?? { seconds }), runs };
  }
  const sorted = Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
  const rounded = Object.fromEntries(Object.entries(steps).map(([step, seconds]) => [step, Math.round(seconds)]));
  return { steps: { ...ledger.steps, ...rounded }, files: sorted };
}

const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const lines = (/** @type {string} */ text) => text.split('\n').filter(Boolean);

/** The commit that is checked out; nothing where files differ from it, or where git knows nothing. */
export function cleanCommit() {
  try {
    return git('status', '--porcelain', '--', ':!test/proof.json').trim() === '' ? git('rev-parse', 'HEAD').trim() : undefined;
  } catch {
    return undefined;
  }
}

/** What medianest reads of it as data alone, so that another comment is no change. */
const DATA = ['docker-compose.base.yml'];

/**
 * Whether two texts of YAML say the same in the same order, comments aside.
 * @param {string} one @param {string} other
 */
function sameData(one, other) {
  try {
    return JSON.stringify(parse(one)) === JSON.stringify(parse(other));
  } catch {
    return false;
  }
}

/** @param {string} file @param {string} commit */
function onlyComments(file, commit) {
  try {
    return DATA.includes(file) && sameData(git('show', `${commit}:${file}`), readFileSync(file, 'utf8'));
  } catch {
    return false;
  }
}

/** @param {string | undefined} commit @returns {string[] | undefined} nothing where it is not in the history here */
export function changedSince(commit) {
  if (!commit) return undefined;
  try {
    // Both names of a file that was moved.
    const changed = lines(git('diff', '--name-only', '--no-renames', commit, '--')).filter((file) => !onlyComments(file, commit));
    return [...new Set([...changed, ...lines(git('ls-files', '--others', '--exclude-standard'))])].sort();
  } catch {
    return undefined;
  }
}

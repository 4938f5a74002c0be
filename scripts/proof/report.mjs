// @ts-check
// What a run says at its end. Pure: from results to lines.
import { shortName, testFile } from './files.mjs';

/**
 * @typedef {{ name: string, state: string, errors: string[] }} TestResult
 * @typedef {{ file: string, seconds: number, tests: TestResult[], errors: string[] }} FileResult
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

export const SLOWEST = 15;
const WHY_CHARACTERS = 900;

export const capabilityOrder = (/** @type {string} */ a, /** @type {string} */ b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What one process of vitest has done. A file that broke before its tests could, and a process that ran no test, have failed.
 * @param {FileResult[]} files
 * @param {{ status: number | null, errors?: string[] }} end
 * @returns {Counts}
 */
export function count(files, { status, errors = [] }) {
  const tests = files.flatMap((file) => file.tests);
  const broken = files.filter((file) => file.errors.length > 0 && !file.tests.some(({ state }) => state === 'failed'));
  const counts = {
    passed: tests.filter(({ state }) => state === 'passed').length,
    failed: tests.filter(({ state }) => state === 'failed').length + broken.length,
    skipped: tests.filter(({ state }) => state === 'skipped' || state === 'pending').length,
  };
  if ((status !== 0 || errors.length > 0 || counts.passed === 0) && counts.failed === 0) counts.failed = 1;
  return counts;
}

/**
 * One line for each failure: its test, and what it said.
 * @param {string} suite
 * @param {FileResult[]} files
 * @param {{ status: number | null, errors?: string[] }} end
 */
export function failures(suite, files, { status, errors = [] }) {
  const lines = [];
  for (const { file, tests, errors: own } of files) {
    const failed = tests.filter(({ state }) => state === 'failed');
    for (const test of failed) lines.push(`${suite}: ${test.name}: ${test.errors.join(' ')}`);
    if (failed.length === 0) for (const error of own) lines.push(`${suite}: ${shortName(file)}: ${error}`);
  }
  for (const error of errors) lines.push(`${suite}: ${error}`);
  if (lines.length === 0 && files.every(({ tests }) => tests.length === 0)) lines.push(`${suite}: no test ran`);
  if (lines.length === 0 && status !== 0) lines.push(`${suite}: ended with status ${status}`);
  return lines.map((line) => `FAILED ${line.replaceAll(/\s+/g, ' ').slice(0, WHY_CHARACTERS)}`);
}

/** @param {FileResult[]} files */
export const slowest = (files) =>
  files
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, SLOWEST)
    .map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${file}`);

/**
 * The files that failed in one of the last runs that the ledger knows: a line each.
 * @param {{ [file: string]: { runs?: string } }} files
 */
export const unsteady = (files) =>
  Object.entries(files).flatMap(([file, { runs = '' }]) => {
    const passed = runs.replaceAll('-', '').length;
    return passed < runs.length ? [`${file}: ${passed} of its last ${runs.length} runs passed (${runs})`] : [];
  });

/**
 * What each capability's proof was: its tests of each kind, and the files of stacks by name.
 * @param {FileResult[]} files
 * @param {{ file: string }[]} leftOut
 */
export function proofs(files, leftOut) {
  /** @type {Map<string, { tests: Map<string, number>, ran: Map<string, string[]>, left: string[] }>} */
  const found = new Map();
  const of = (/** @type {string} */ capability) => {
    const one = found.get(capability) ?? { tests: new Map(), ran: new Map(), left: /** @type {string[]} */ ([]) };
    found.set(capability, one);
    return one;
  };
  for (const { file, tests } of files) {
    const { capability, kind } = testFile(file) ?? { capability: file, kind: 'other' };
    const one = of(capability);
    if (kind === 'e2e' || kind === 'deep') one.ran.set(kind, [...(one.ran.get(kind) ?? []), shortName(file)]);
    else one.tests.set(kind, (one.tests.get(kind) ?? 0) + tests.filter(({ state }) => state === 'passed').length);
  }
  for (const { file } of leftOut) of(testFile(file)?.capability ?? file).left.push(shortName(file));
  return [...found]
    .sort(([a], [b]) => capabilityOrder(a, b))
    .map(([capability, { tests, ran, left }]) => {
      const parts = [
        ...['unit', 'contract', 'cli', 'golden', 'journey', 'browser'].flatMap((kind) =>
          tests.has(kind) ? [`${tests.get(kind)} ${kind}`] : [],
        ),
        ...['e2e', 'deep'].flatMap((kind) => (ran.has(kind) ? [`${kind} ${ran.get(kind)?.sort().join(', ')}`] : [])),
        ...(left.length > 0 ? [`left out ${left.sort().join(', ')}`] : []),
      ];
      return `${capability.padEnd(13)} ${parts.join('; ')}`;
    });
}

/** @param {Counts} sum the last line of a run, which others read */
export const lastLine = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

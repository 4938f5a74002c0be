// Runs each suite, prints a line for it and at the end the sum: `N passed, N failed, N skipped`.
// A suite that ran no test, or that broke before it could count, has failed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SUITES = ['unit', 'golden', 'contract', 'cli', 'e2e', 'alone', 'browser'];
const CHECKS = [
  ['types', ['tsc']],
  ['style and import rules', ['biome', 'check', '--error-on-warnings']],
  ['nothing unused', ['knip']],
  ['shell scripts', [path.resolve('scripts/check-shell.sh')]],
];
const only = process.argv[2];
const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-suites-'));
const sum = { passed: 0, failed: 0, skipped: 0 };
const lines = [];
/** What failed and why, again at the end: the place where somebody looks first. */
const failures = [];
const WHY_CHARACTERS = 900;

function note(name, counts, started) {
  for (const key of Object.keys(sum)) sum[key] += counts[key];
  lines.push(
    `${name.padEnd(9)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped (${Math.round((Date.now() - started) / 1000)} s)`,
  );
}

function runChecks() {
  const started = Date.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, [program, ...args]] of CHECKS) {
    const { status } = spawnSync(path.resolve('node_modules/.bin', program), args, { stdio: 'inherit' });
    console.log(`check: ${name}: ${status === 0 ? 'passed' : 'failed'}`);
    counts[status === 0 ? 'passed' : 'failed']++;
    if (status !== 0) failures.push(`check: ${name}`);
  }
  note('check', counts, started);
}

function runSuite(name) {
  const started = Date.now();
  const file = path.join(folder, `${name}.json`);
  const { status } = spawnSync(
    path.resolve('node_modules/.bin/vitest'),
    ['run', '--project', name, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    { stdio: 'inherit', env: { ...process.env, NO_COLOR: '1' } },
  );
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
  }
  for (const { assertionResults, message, status: outcome, name: tests } of report.testResults) {
    const failed = assertionResults.filter((result) => result.status === 'failed');
    for (const { fullName, failureMessages } of failed) failures.push(`${name}: ${fullName}: ${failureMessages.join(' ')}`);
    if (outcome === 'failed' && failed.length === 0) failures.push(`${name}: ${path.basename(tests)}: ${message}`);
  }
  const counts = { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests + report.numTodoTests };
  if ((status !== 0 || counts.passed === 0) && counts.failed === 0) counts.failed = 1;
  note(name, counts, started);
}

if (!only || only === 'check') runChecks();
for (const name of SUITES) if (!only || only === name) runSuite(name);
rmSync(folder, { recursive: true, force: true });
for (const failure of failures) console.log(`FAILED ${failure.replaceAll(/\s+/g, ' ').slice(0, WHY_CHARACTERS)}`);
console.log(`\n${lines.join('\n')}\n\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 ? 1 : 0;

// @ts-check
// The proof: the suites that always run, then the files of stacks that the change and the time ask for. Says at the end what
// was proven and what was left out; the last line is `N passed, N failed, N skipped`.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { FILE_BY_FILE, parseArguments } from './arguments.mjs';
import { shortName, testFile, uses } from './files.mjs';
import { changedSince, cleanCommit, LEDGER, noted, readLedger, writeLedger } from './ledger.mjs';
import { pool } from './pool.mjs';
import { count, failures, lastLine, proofs, slowest, unsteady } from './report.mjs';
import { fits, LANES, pace, secondsOfSteps, select } from './select.mjs';
import { touched } from './touched.mjs';
import { program, vitest } from './vitest.mjs';

const CHECKS = [
  ['types', ['tsc']],
  ['style and import rules', ['biome', 'check', '--error-on-warnings']],
  ['nothing unused', ['knip']],
  ['shell scripts', [path.resolve('scripts/check-shell.sh')]],
];

// test.sh has begun before: what it has set up counts.
const started = process.env.PROOF_STARTED ? Number(process.env.PROOF_STARTED) * 1000 : Date.now();
const elapsed = () => (Date.now() - started) / 1000;
const options = parseArguments(process.argv.slice(2));
const { only, files, all, budget } = options;
/** A part of the proof is asked for: what is left out was not asked for. */
const part = only !== undefined || files.length > 0;
const wants = (/** @type {string} */ suite) => (files.length > 0 ? false : !only || only === suite);

const read = (/** @type {string} */ file) => (existsSync(file) && statSync(file).isFile() ? readFileSync(file, 'utf8') : undefined);
const everyTest = /** @type {string[]} */ (readdirSync('test', { recursive: true })).flatMap((file) => testFile(`test/${file}`) ?? []);
const byFile = everyTest.filter(({ file, kind }) => FILE_BY_FILE.includes(kind) && (files.length > 0 ? files.includes(file) : wants(kind)));
const ledger = readLedger();
const commit = cleanCommit();
const changes = touched(
  changedSince,
  byFile,
  (file) => ledger.files[file]?.commit,
  (file) => uses(file, read),
);
const selection = select({ tests: byFile, ledger, touched: changes, budget, all, before: part ? 0 : secondsOfSteps(ledger) });

const minutes = (/** @type {number} */ seconds) => (Number.isFinite(seconds) ? `${(seconds / 60).toFixed(1)} minutes` : 'no limit');
console.log(
  `${changes.size} of ${byFile.length} files are touched since they passed; about ${minutes(selection.seconds)} of ${minutes(budget)}`,
);
for (const { file, why, seconds } of selection.run) console.log(`  ${file} (${Math.round(seconds)} s, ${why})`);
for (const { file, why } of selection.leftOut) console.log(`  left out: ${file} (${why})`);
if (options.plan) process.exit(0);

const folder = path.resolve('test/.tmp/proof', new Date(started).toISOString().replaceAll(/[:.]/g, '-'));
mkdirSync(folder, { recursive: true });
const sum = { passed: 0, failed: 0, skipped: 0 };
/** @type {Map<string, import('./report.mjs').Counts & { seconds: number }>} */
const suites = new Map();
/** @type {import('./report.mjs').FileResult[]} */
const results = [];
/** What failed and why, again at the end: the place where somebody looks first. @type {string[]} */
const failed = [];
/** @type {{ file: string, took: number, seconds: number, passed: boolean }[]} */
const ended = [];
/** @type {{ [step: string]: number }} */
const steps = {};
let images = {};

function add(/** @type {string} */ suite, /** @type {import('./report.mjs').Counts} */ counts, /** @type {number} */ seconds) {
  const before = suites.get(suite) ?? { passed: 0, failed: 0, skipped: 0, seconds: 0 };
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) {
    sum[key] += counts[key];
    before[key] += counts[key];
  }
  suites.set(suite, { ...before, seconds: before.seconds + seconds });
}

/** @template T @param {string} step @param {() => Promise<T>} work */
async function timed(step, work) {
  const begun = elapsed();
  await work();
  steps[step] = elapsed() - begun;
}

async function runChecks() {
  const begun = elapsed();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, [tool, ...args]] of /** @type {[string, [string, ...string[]]][]} */ (CHECKS)) {
    const log = path.join(folder, 'check.log');
    const status = await program(path.resolve('node_modules/.bin', tool), args, log);
    console.log(`check: ${name}: ${status === 0 ? 'passed' : 'failed'}`);
    counts[status === 0 ? 'passed' : 'failed']++;
    if (status !== 0) failed.push(`FAILED check: ${name}: ${(readFileSync(log, 'utf8').trim() || 'it said nothing').slice(-3000)}`);
  }
  add('check', counts, elapsed() - begun);
}

/** @param {string} suite @param {string} project @param {string} name @param {string[]} [files] */
async function runVitest(suite, project, name, files) {
  const begun = elapsed();
  const end = await vitest({ folder, name, project, files, env: images });
  const counts = count(end.files, end);
  const took = elapsed() - begun;
  add(suite, counts, took);
  results.push(...(files?.length === 1 ? end.files.map((file) => ({ ...file, seconds: took })) : end.files));
  if (counts.failed > 0) failed.push(...failures(suite, end.files, end), `       its log: ${path.relative('.', end.log)}`);
  console.log(`${suite.padEnd(9)} ${lastLine(counts)} (${Math.round(took)} s) ${files?.join(' ') ?? ''}`);
  return { took, passed: counts.failed === 0 };
}

/** The base image, where test.sh has left it to this, and the images of all profiles: once for all suites. */
async function runEngine() {
  const log = path.join(folder, 'images.log');
  // With what profiles do not have by themselves.
  const more = ['--set', 'observability=light', '--state', path.join(folder, 'images')];
  const begun = elapsed();
  let good = (await program('bash', ['-c', '. scripts/prepare.sh && prepare_base --yes'], log)) === 0;
  const perimeter = ['--set', 'components.crowdsec=true', '--set', 'components.suricata=true'];
  for (const [profile, also] of /** @type {[string, string[]][]} */ ([
    ['dev', []],
    ['prod', perimeter],
  ]))
    good &&= (await program(process.execPath, ['bin/medianest.js', 'images', 'build', '--profile', profile, ...more, ...also], log)) === 0;
  // Where they could not be built, every suite that needs them says so itself.
  if (good) images = { PROOF_IMAGES: 'built' };
  console.log(`images    ${good ? 'built' : `not built: ${path.relative('.', log)}`} (${Math.round(elapsed() - begun)} s)`);
}

const needsEngine = !only || !['check', 'unit', 'golden'].includes(only);
steps.prepare = elapsed();
await Promise.all([
  needsEngine && timed('engine', runEngine),
  timed('check+unit+golden', async () => {
    if (wants('check')) await runChecks();
    if (wants('unit')) await runVitest('unit', 'unit', 'unit');
    if (wants('golden')) await runVitest('golden', 'golden', 'golden');
  }),
]);
// One after the other: the portal's lane kills masters of Redis and counts seconds.
if (wants('contract')) for (const project of ['contract', 'portal']) await timed(project, () => runVitest('contract', project, project));
if (wants('cli')) await timed('cli', () => runVitest('cli', 'cli', 'cli'));
await pool(selection.run, LANES, {
  mayStart: (file) => fits(file, { elapsed: elapsed(), budget, pace: pace(ended) }),
  run: async ({ file, kind, alone, seconds, capability }) => {
    const project = alone && kind !== 'browser' ? 'alone' : kind;
    const { took, passed } = await runVitest(kind, project, `${capability}-${kind}-${shortName(file)}`, [file]);
    ended.push({ file, took, seconds, passed });
  },
  leave: ({ file, seconds }) =>
    selection.leftOut.push({
      file,
      why: `takes ${Math.round(seconds)} s, ${minutes(budget - elapsed())} were left`,
    }),
});

if (options.note) {
  const tests = everyTest.map(({ file }) => file);
  const now = new Date(started).toISOString();
  // Another process may have noted other files meanwhile.
  writeLedger(noted(readLedger(), { commit, now, tests, steps: part ? {} : steps, ended }));
}
console.log(`\nWhat each capability's proof was:\n  ${proofs(results, selection.leftOut).join('\n  ')}`);
console.log(`\nThe slowest files:\n  ${slowest(results).join('\n  ')}`);
const failedBefore = unsteady(readLedger().files);
if (failedBefore.length > 0) console.log(`\nFailed now and then:\n  ${failedBefore.join('\n  ')}`);
if (selection.leftOut.length > 0) console.log(`\nLeft out, ${selection.leftOut.length} files:`);
for (const { file, why } of selection.leftOut) console.log(`  ${file}: ${why}`);
console.log(`\nReports: ${path.relative('.', folder)}${options.note ? `; noted in ${LEDGER}` : ''}`);
for (const line of failed) console.log(line);
for (const [suite, { seconds, ...counts }] of suites) console.log(`${suite.padEnd(9)} ${lastLine(counts)} (${Math.round(seconds)} s)`);
console.log(`${minutes(elapsed())} in all\n\n${lastLine(sum)}`);
process.exitCode = sum.failed > 0 ? 1 : 0;

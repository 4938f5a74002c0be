#!/usr/bin/env node
// Makes a release: node scripts/release.mjs VERSION [--dry-run [--without-tests]] [--without-audit]
//   --dry-run        everything but the commit, the tag and the archive
//   --without-tests  for trying the rest of it; a real release always runs them
//   --without-audit  where the registry answers no audit; the tag's message then says so
// All of it happens in a clone in a temporary folder. The commit and the tag come here at the end, so a release that fails, or is
// killed, has changed nothing.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { archiveFaults, auditOutcome, bumped, changelogSections, compareVersions, versionFaults } from './release-checks.mjs';

const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
class Refused extends Error {}
const refuse = (message) => {
  throw new Refused(message);
};
const say = (message) => process.stderr.write(`${message}\n`);

function options() {
  const flags = { 'dry-run': { type: 'boolean' }, 'without-tests': { type: 'boolean' }, 'without-audit': { type: 'boolean' } };
  const usage = 'usage: node scripts/release.mjs VERSION [--dry-run [--without-tests]] [--without-audit]';
  try {
    const { values, positionals } = parseArgs({ options: flags, allowPositionals: true });
    if (positionals.length !== 1 || !/^\d+\.\d+\.\d+$/.test(positionals[0])) refuse(usage);
    if (values['without-tests'] && !values['dry-run']) refuse('--without-tests goes with --dry-run alone');
    return {
      version: positionals[0],
      dryRun: values['dry-run'] ?? false,
      tests: !values['without-tests'],
      audit: !values['without-audit'],
    };
  } catch (error) {
    throw error instanceof Refused ? error : new Refused(`${error.message}\n${usage}`);
  }
}

const git = (args, cwd = home) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();

const FILES = { manifest: 'package.json', lock: 'package-lock.json', changelog: 'CHANGELOG.md' };
function readVersions(folder) {
  const text = Object.fromEntries(Object.entries(FILES).map(([key, file]) => [key, readFileSync(path.join(folder, file), 'utf8')]));
  return { manifest: JSON.parse(text.manifest), lock: JSON.parse(text.lock), changelog: text.changelog };
}
function writeVersions(folder, { manifest, lock, changelog }) {
  writeFileSync(path.join(folder, FILES.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(path.join(folder, FILES.lock), `${JSON.stringify(lock, null, 2)}\n`);
  writeFileSync(path.join(folder, FILES.changelog), changelog);
}

/** What can be said before anything is built. */
function checkBefore(version) {
  if (git(['status', '--porcelain']) !== '') refuse('the working tree has changes that are not committed');
  const branch = git(['rev-parse', '--abbrev-ref', 'HEAD']);
  if (branch !== 'main') refuse(`a release is made on main, not on ${branch}`);
  if (git(['tag', '--list', `v${version}`]) !== '') refuse(`the tag v${version} exists`);
  const now = readVersions(home);
  const faults = versionFaults(now);
  if (faults.length > 0) refuse(faults.join('\n'));
  if (compareVersions(version, now.manifest.version) <= 0) refuse(`${version} is not newer than ${now.manifest.version}`);
  if (changelogSections(now.changelog)[0].text === '') refuse('CHANGELOG.md has nothing under [Unreleased]');
  return now;
}

/** Runs a step and shows what it prints. */
function step(title, command, args, cwd) {
  say(`\n== ${title}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: ['ignore', 2, 2] });
  if (status !== 0) refuse(`${title}: ${error ? error.message : `${command} ended with ${status}`}`);
}

/** @returns what the release says of the audit */
function audit(cwd, wanted) {
  if (!wanted) return 'NOT AUDITED (--without-audit)';
  say('\n== audit of the bundled packages');
  const { outcome, reason } = auditOutcome(spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd, encoding: 'utf8' }).stdout);
  if (outcome === 'vulnerable') refuse(`npm audit: ${reason}`);
  say(`audit: ${outcome}: ${reason}`);
  return outcome === 'clean' ? `audited: ${reason}` : undefined;
}

/** Packs, looks into the archive, installs it and asks it for its version. @returns the archive's path */
function pack(clone, folder, version) {
  say('\n== archive');
  // The build was made above; npm says on stdout what it packed, in a list or by name.
  const said = JSON.parse(
    execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: clone,
      encoding: 'utf8',
      maxBuffer: 1e8,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const [packed] = Object.values(said);
  const archive = path.join(folder, packed.filename);
  const prefix = path.join(folder, 'installed');
  step('installing it', 'npm', ['install', '--global', '--prefix', prefix, '--offline', '--no-audit', '--no-fund', archive], folder);
  const installed = path.join(prefix, 'lib/node_modules/medianest');
  const read = (...parts) => JSON.parse(readFileSync(path.join(...parts), 'utf8'));
  const faults = archiveFaults(packed, read(installed, 'package.json'), read(clone, 'templates/app/image/package.json'));
  const told = execFileSync(path.join(prefix, 'bin/medianest'), ['--version'], { encoding: 'utf8' }).trim();
  if (told !== version) faults.push(`the program says that it is ${told}`);
  const listed = read(installed, 'dist/sbom.cdx.json').metadata.component.version;
  if (listed !== version) faults.push(`the SBOM says that it is of ${listed}`);
  if (faults.length > 0) refuse(`the archive is wrong:\n${faults.join('\n')}`);
  say(`${packed.filename}: ${packed.size} bytes, ${packed.files.length} files`);
  return archive;
}

function release({ version, dryRun, tests, audit: audited }) {
  const now = checkBefore(version);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-release-'));
  try {
    const clone = path.join(folder, 'clone');
    git(['clone', '--quiet', '--branch', 'main', home, clone]);
    writeVersions(clone, bumped(now, version, new Date().toISOString().slice(0, 10)));
    const faults = versionFaults(readVersions(clone));
    if (faults.length > 0) refuse(faults.join('\n'));
    // Not `npm ci`: see scripts/prepare.sh.
    step('packages', 'npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], clone);
    const safety = audit(clone, audited);
    if (!safety && !dryRun) refuse('the registry answers no audit: use one that does, or say --without-audit');
    step('build', 'npm', ['run', '--silent', 'build'], clone);
    if (tests) step('tests', path.join(clone, 'scripts/test.sh'), ['--budget', '600'], clone);
    if (git(['diff', '--name-only'], clone) !== Object.values(FILES).sort().join('\n'))
      refuse('the build or the tests changed other files of the repository');
    const archive = pack(clone, folder, version);
    const unknown = [...(safety ? [] : ['AUDIT NOT DONE: the registry answers none']), ...(tests ? [] : ['TESTS NOT RUN'])];
    if (dryRun) {
      say(`\nDry run: v${version} could be released, nothing was changed.${unknown.map((line) => `\n${line}`).join('')}`);
      return;
    }
    git(['commit', '--quiet', '--message', `Release ${version}`, '--', ...Object.values(FILES)], clone);
    git(['tag', '--annotate', '--message', `medianest ${version}\n\n${safety}`, `v${version}`], clone);
    if (git(['rev-parse', 'HEAD']) !== git(['rev-parse', 'HEAD~1'], clone)) refuse('main has changed meanwhile: begin again');
    git(['pull', '--quiet', '--ff-only', '--tags', clone, 'main']);
    const kept = path.join(home, path.basename(archive));
    copyFileSync(archive, kept);
    say(`\nv${version} is tagged. Next:\n  git push --follow-tags\n  npm publish ${kept}`);
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  }
}

try {
  release(options());
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  say(`Error: ${error.message}`);
  process.exitCode = 1;
}

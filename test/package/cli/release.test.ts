import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOME, run } from '../../support/cli.ts';

/** A repository with the release script and nothing to release: what it refuses before it builds. */
describe('a release', () => {
  let home = '';
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], { cwd: home, encoding: 'utf8' });
  const write = (file: string, text: string) => writeFileSync(path.join(home, file), text);
  const changelog = (unreleased: string) => `# Changelog\n\n## [Unreleased]\n${unreleased}\n## [1.0.0] - 2026-01-01\n\n- all\n`;
  const release = (...args: string[]) => run(process.execPath, [path.join(home, 'scripts/release.mjs'), ...args], { cwd: home });
  const commit = () => git('commit', '--quiet', '--all', '--message', 'change');

  beforeEach(() => {
    home = mkdtempSync(path.join(os.tmpdir(), 'medianest-release-test-'));
    mkdirSync(path.join(home, 'scripts'));
    for (const file of ['release.mjs', 'release-checks.mjs'])
      copyFileSync(path.join(HOME, 'scripts', file), path.join(home, 'scripts', file));
    write('package.json', JSON.stringify({ version: '1.0.0' }));
    write('package-lock.json', JSON.stringify({ version: '1.0.0', packages: { '': { version: '1.0.0' } } }));
    write('CHANGELOG.md', changelog('\n- new\n'));
    git('init', '--quiet', '--initial-branch', 'main');
    git('add', '--all');
    commit();
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  it.each<[string, string[], () => void, string]>([
    ['without a version', [], () => {}, 'usage: node scripts/release.mjs VERSION'],
    ['of something else than a version', ['next'], () => {}, 'usage: node scripts/release.mjs VERSION'],
    ['with an unknown flag', ['1.1.0', '--force'], () => {}, "Unknown option '--force'"],
    ['without tests', ['1.1.0', '--without-tests'], () => {}, '--without-tests goes with --dry-run alone'],
    ['of a version that is not newer', ['1.0.0'], () => {}, '1.0.0 is not newer than 1.0.0'],
    ['from a tree with changes', ['1.1.0'], () => write('new.txt', ''), 'the working tree has changes'],
    ['from another branch', ['1.1.0'], () => git('switch', '--quiet', '--create', 'other'), 'a release is made on main, not on other'],
    ['that is tagged already', ['1.1.0'], () => git('tag', 'v1.1.0'), 'the tag v1.1.0 exists'],
    [
      'with nothing to tell of it',
      ['1.1.0'],
      () => {
        write('CHANGELOG.md', changelog(''));
        commit();
      },
      'CHANGELOG.md has nothing under [Unreleased]',
    ],
    [
      'of files that tell of different versions',
      ['1.1.0'],
      () => {
        write('package.json', JSON.stringify({ version: '1.0.1' }));
        commit();
      },
      'CHANGELOG.md tells of 1.0.0, package.json of 1.0.1',
    ],
  ])('%s is refused', async (_case, args, change, message) => {
    change();
    const before = [
      git('log', '--format=%H'),
      git('tag'),
      git('status', '--porcelain'),
      readFileSync(path.join(home, 'package.json'), 'utf8'),
    ];
    const { status, stderr } = await release(...args);
    expect([status, stderr]).toEqual([1, expect.stringContaining(`Error: ${message}`)]);
    expect([
      git('log', '--format=%H'),
      git('tag'),
      git('status', '--porcelain'),
      readFileSync(path.join(home, 'package.json'), 'utf8'),
    ]).toEqual(before);
  });
});

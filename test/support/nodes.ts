import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { HOME } from './cli.ts';

const SOURCE = path.join(HOME, 'test/support/nodes');
const FOLDER = path.join(HOME, 'test/.tmp/nodes');

/** A release of Node.js: its version and its program. */
export interface NodeRelease {
  version: string;
  program: string;
}

/** The pinned releases for this machine's processor, oldest first: from the npm registry, once. */
export function nodeReleases(): NodeRelease[] {
  const read = (name: string) => readFileSync(path.join(SOURCE, name), 'utf8');
  const { optionalDependencies } = JSON.parse(read('package.json')) as { optionalDependencies: Record<string, string> };
  const releases = Object.entries(optionalDependencies)
    .filter(([alias]) => alias.endsWith(`-${process.arch}`))
    .map(([alias, spec]) => ({
      version: spec.slice(spec.lastIndexOf('@') + 1),
      program: path.join(FOLDER, 'node_modules', alias, 'bin/node'),
    }));
  if (releases.length === 0) throw new Error(`test/support/nodes names no Node.js for ${process.arch}`);
  // A copy of the lock file, made last, tells that all of it is there.
  const installed = path.join(FOLDER, 'installed.json');
  if (!existsSync(installed) || readFileSync(installed, 'utf8') !== read('package-lock.json')) {
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(path.join(SOURCE, name), path.join(FOLDER, name));
    execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: FOLDER });
    for (const { program } of releases) if (!existsSync(program)) throw new Error(`npm did not install ${program}`);
    copyFileSync(path.join(SOURCE, 'package-lock.json'), installed);
  }
  return releases;
}

import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { medianest, PROGRAM, type Run, type RunOptions, run } from './cli.ts';

const made: string[] = [];
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});

/** A folder with a medianest.yml. No engine is asked by `render`, so nothing here has to be removed from one. */
export interface Folder {
  dir: string;
  state: string;
  settings(text: string): void;
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
}

export function folder(settings = '', root = os.tmpdir()): Folder {
  const dir = mkdtempSync(path.join(root, 'medianest-cli-'));
  made.push(dir);
  const write = (text: string) => writeFileSync(path.join(dir, 'medianest.yml'), `version: 1\nproject: mt-cli\n${text}`);
  write(settings);
  return {
    dir,
    state: path.join(dir, '.medianest'),
    settings: write,
    run: (args, options = {}) => medianest(args, { cwd: dir, ...options }),
  };
}

/** Every file below a folder with what it holds; links by their targets. */
export function tree(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true }) as string[];
  return Object.fromEntries(
    names.sort().flatMap((name) => {
      const file = path.join(root, name);
      const stat = lstatSync(file);
      if (stat.isSymbolicLink()) return [[name, `-> ${readlinkSync(file)}`]];
      return stat.isFile() ? [[name, readFileSync(file, 'utf8')]] : [];
    }),
  );
}

/** What is wrong with the current tree: every file that its manifest names stands as it was written. */
export function faults(state: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(state, 'current/manifest.json'), 'utf8')) as {
    id: string;
    configs: Record<string, string>;
    files: { path: string; sha256: string; mode: number }[];
  };
  return manifest.files.flatMap((entry) => {
    const [service = '', ...rest] = entry.path.split('/');
    const file = path.join(
      state,
      ...(rest.length === 0 ? ['current', service] : ['config', service, manifest.configs[service] ?? '', ...rest]),
    );
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    return sha256 === entry.sha256 && (lstatSync(file).mode & 0o777) === entry.mode ? [] : [entry.path];
  });
}

const NOBODY = '65534';

/** Runs medianest as a user who owns nothing and is in no group. @throws Error where the tests are not run as root */
export function asNobody(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  if (process.getuid?.() !== 0) throw new Error('this test changes the user, and has to be run as root');
  const identity = ['--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'];
  return run('setpriv', [...identity, process.execPath, PROGRAM, ...args], { ...options, env: { HOME: os.tmpdir(), ...options.env } });
}

export const json = (text: string) =>
  JSON.parse(text) as Record<string, never> & { error: { code: string; message: string; hint: string; path?: string } };

/**
 * Runs something in this process as a user who owns nothing: the kernel itself then refuses what that user may not do. It must be
 * over when it returns. @throws Error where the tests are not run as root
 */
export function unprivileged<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) throw new Error('this test changes the user, and has to be run as root');
  process.setegid?.(Number(NOBODY));
  process.seteuid?.(Number(NOBODY));
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

// @ts-check
import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * One process of vitest, with its words in a file of their own: two that run beside each other would mix them.
 * @param {{ folder: string, name: string, project: string, files?: string[] | undefined, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ status: number | null, files: import('./report.mjs').FileResult[], errors: string[], log: string }>}
 */
export async function vitest({ folder, name, project, files = [], env = {} }) {
  const log = path.join(folder, `${name}.log`);
  const report = path.join(folder, `${name}.json`);
  const out = openSync(log, 'w');
  const reporters = ['--reporter=default', `--reporter=${path.resolve('scripts/proof/reporter.mjs')}`];
  const child = spawn(path.resolve('node_modules/.bin/vitest'), ['run', '--project', project, ...reporters, ...files], {
    stdio: ['ignore', out, out],
    env: { ...process.env, NO_COLOR: '1', PROOF_REPORT: report, ...env },
  });
  const status = await new Promise((resolve) => child.on('close', resolve).on('error', () => resolve(null)));
  try {
    return { status, ...JSON.parse(readFileSync(report, 'utf8')), log };
  } catch {
    // It broke before it could report: its last words tell why.
    return { status, files: [], errors: [readFileSync(log, 'utf8').slice(-600)], log };
  }
}

/**
 * Any other program, with its words in a file too.
 * @param {string} program @param {string[]} args @param {string} log
 * @returns {Promise<number | null>} its status
 */
export function program(program, args, log) {
  const out = openSync(log, 'a');
  const child = spawn(program, args, { stdio: ['ignore', out, out] });
  return new Promise((resolve) => child.on('close', resolve).on('error', () => resolve(null)));
}

import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const HOME = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  input?: string;
  /** Called with the process as soon as it runs, for tests that interrupt it. */
  onSpawn?: (child: ReturnType<typeof spawn>) => void;
  /** Its input stays open: `onSpawn` writes to it. */
  interactive?: boolean;
}

/** Runs a program to its end, whatever its status. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: { ...process.env, ...options.env } as NodeJS.ProcessEnv });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    // A program may end without having read it.
    child.stdin.on('error', () => {});
    if (!options.interactive) child.stdin.end(options.input ?? '');
    options.onSpawn?.(child);
  });
}

/** Types lines as a person does: each once nothing more is said and a question stands there. */
export function typing(child: ReturnType<typeof spawn>, answers: readonly string[]): void {
  const left = [...answers];
  let said = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
    clearTimeout(timer);
    timer = setTimeout(() => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal moves its cursor behind the question
      if (left.length === 0 || !/: (\u001b\[[0-9;]*[A-Za-z])*$/.test(said)) return;
      said = '';
      child.stdin?.write(`${left.shift()}\r`);
    }, 150);
  });
}

/** The program's file, for tests that start it through another one (setpriv, a shell with a umask). */
export const PROGRAM = path.join(HOME, 'bin/medianest.js');

/** What the program said the last times that it did not end well, since the test began: told when the test fails (tell-runs.ts). */
export const endedBadly: string[] = [];
const TOLD = 3;

/** Runs the built program as an operator would; without the settings of the shell that runs the tests. */
export async function medianest(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const clean = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => name.startsWith('MEDIANEST_'))
      .map((name) => [name, undefined]),
  );
  const ended = await run(process.execPath, [PROGRAM, ...args], { ...options, env: { ...clean, ...options.env } });
  if (ended.status !== 0)
    endedBadly.push(`medianest ${args.join(' ')}: status ${ended.status}: ${(ended.stderr || ended.stdout).slice(-600)}`);
  // One that asks until something holds fails a hundred times: the last ones tell what was missing.
  endedBadly.splice(0, endedBadly.length - TOLD);
  return ended;
}

export const docker = (args: readonly string[], options: RunOptions = {}): Promise<Run> => run('docker', args, options);

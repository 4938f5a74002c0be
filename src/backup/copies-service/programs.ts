import { spawn } from 'node:child_process';
import { failure } from './plan/explain.ts';

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Besides what every program is given. */
  environment?: Readonly<Record<string, string>>;
}

/** Runs a program with an argument list to its end, whatever its exit status. */
export type Run = (program: string, args: readonly string[], options?: RunOptions) => Promise<Ran>;

/** Its message is one line; `said` is all that the program has printed. */
export class ProgramFailed extends Error {
  readonly said: string;

  constructor({ stdout, stderr }: Ran) {
    super(failure(stdout, stderr));
    this.said = [stdout, stderr].map((text) => text.trim()).join('\n');
  }
}

/** @param environment that every program is given, besides that of this process */
export function runner(environment: Readonly<Record<string, string>>): Run {
  return (program, args, options = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...environment, ...options.environment },
      });
      const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
      child.on('error', reject);
      child.on('close', (code) =>
        resolve({ status: code ?? 1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
      );
    });
}

/** @throws ProgramFailed */
export async function must(run: Run, program: string, args: readonly string[], options?: RunOptions): Promise<Ran> {
  const ran = await run(program, args, options);
  if (ran.status !== 0) throw new ProgramFailed(ran);
  return ran;
}

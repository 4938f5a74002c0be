import { spawn } from 'node:child_process';

/** After so long it runs on: the first window of a browser stays until it is closed. */
const SETTLED_MS = 3000;

/** Starts a program that outlives this one. @returns whether it did its work, or still runs */
export function startProgram(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { detached: true, stdio: 'ignore' });
    const timer = setTimeout(() => resolve(true), SETTLED_MS);
    const end = (worked: boolean) => {
      clearTimeout(timer);
      resolve(worked);
    };
    child.once('error', () => end(false));
    child.once('exit', (code) => end(code === 0));
    child.unref();
  });
}

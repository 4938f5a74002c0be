import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { startedProgram } from '../core/programs.ts';
import { withoutProxies } from './compose.ts';

const SHOWN = 12;

/** A run of `docker` whose input and output are data of any length, which pass through this process. */
export interface DockerStream {
  stdin: Writable;
  stdout: Readable;
  /** Once it has ended: its exit status and its last words. It never rejects. */
  ended: Promise<{ exitCode: number; tail: string[] }>;
  /** Ends it, if it has not ended. */
  stop(): void;
}

/** Starts `docker` with an argument list. @param signal ends it */
export function streamDocker(args: readonly string[], signal: AbortSignal): DockerStream {
  const told = startedProgram('docker', args);
  // A process group of its own: Ctrl-C reaches it once, through us.
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn('docker', withoutProxies(args), {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const tail: string[] = [];
  child.stderr.on('data', (text: Buffer) => {
    tail.push(...text.toString().split('\n').filter(Boolean));
    // The first lines tell the cause, the last ones where it led.
    if (tail.length > SHOWN) tail.splice(SHOWN / 2, tail.length - SHOWN);
  });
  // What ends early takes no more: its exit status tells why.
  child.stdin.on('error', () => undefined);
  const stop = () => void child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<{ exitCode: number; tail: string[] }>((resolve) => {
    const close = (exitCode: number) => {
      signal.removeEventListener('abort', stop);
      told(exitCode);
      resolve({ exitCode, tail });
    };
    child.once('close', (code) => close(code ?? 1));
    child.once('error', (error) => {
      tail.push(error.message);
      close(1);
    });
  });
  return { stdin: child.stdin, stdout: child.stdout, ended, stop };
}

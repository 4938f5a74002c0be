import { type ChildProcess, spawn } from 'node:child_process';
import { UserError } from '../core/errors.ts';
import { startedProgram } from '../core/programs.ts';
import { withoutProxies } from './compose.ts';

const SHOWN = 8;
/** Characters of its output that are kept. */
const KEPT = 65_536;

/**
 * Runs `docker` twice, the output of the first into the second: data of any length, which passes through no file.
 * @param onBytes is told how much has passed so far, with every piece
 * @returns the exit statuses, the last words of both, and the end of what the second one has printed
 */
export async function pipeDocker(
  from: readonly string[],
  to: readonly string[],
  signal: AbortSignal,
  onBytes?: (passed: number) => void,
): Promise<{ exitCodes: number[]; tail: string[]; output: string }> {
  const told = [startedProgram('docker', from), startedProgram('docker', to)];
  // Process groups of their own: Ctrl-C reaches them once, through us.
  const source = spawn('docker', withoutProxies(from), { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const target = spawn('docker', withoutProxies(to), { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const tail: string[] = [];
  const ends = [source, target].map((child) => ended(child, tail));
  let output = '';
  target.stdout.on('data', (text: Buffer) => {
    output = `${output}${text}`.slice(-KEPT);
  });
  source.stdout.pipe(target.stdin);
  let passed = 0;
  source.stdout.on('data', (piece: Buffer) => {
    passed += piece.length;
    onBytes?.(passed);
  });
  // What ends early takes no more: its exit status tells why.
  target.stdin.on('error', () => source.kill('SIGINT'));
  const stop = () => {
    source.kill('SIGINT');
    target.kill('SIGINT');
  };
  signal.addEventListener('abort', stop, { once: true });
  const exitCodes = await Promise.all(ends);
  signal.removeEventListener('abort', stop);
  for (const [index, code] of exitCodes.entries()) told[index]?.(code);
  if (signal.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again: it continues from here');
  return { exitCodes, tail, output };
}

function ended(child: ChildProcess, tail: string[]): Promise<number> {
  child.stderr?.on('data', (text: Buffer) => {
    tail.push(...text.toString().split('\n').filter(Boolean));
    tail.splice(0, Math.max(0, tail.length - SHOWN));
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve(code ?? 1));
    child.once('error', (error) => {
      tail.push(error.message);
      resolve(1);
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { UserError } from '../../core/errors.ts';
import { startedProgram } from '../../core/programs.ts';
import { withoutProxies } from '../../docker/compose.ts';
import { type Job, jobArgs, jobError, type Workbench } from './job.ts';

/** Runs a job whose output is data of any length. @param read is given that, to its end @throws what `read` does, or UserError where the job fails */
export function readJob<T>(bench: Workbench, job: Job, read: (output: AsyncIterable<Buffer>) => Promise<T>): Promise<T> {
  return streamed(bench, { ...job, streams: 'out' }, (child) => read(child.stdout as AsyncIterable<Buffer>));
}

/** Runs a job whose input is data of any length. @param write is given what sends a piece of it, as fast as the job takes it */
export function feedJob<T>(bench: Workbench, job: Job, write: (send: (piece: Buffer) => Promise<void>) => Promise<T>): Promise<T> {
  return streamed(bench, { ...job, streams: 'in' }, async (child) => {
    const input = child.stdin as NonNullable<ChildProcess['stdin']>;
    // Each piece has a callback of its own.
    input.on('error', () => undefined);
    const value = await write(
      (piece) => new Promise((resolve, reject) => input.write(piece, (error) => (error ? reject(error) : resolve()))),
    );
    input.end();
    return value;
  });
}

async function streamed<T>(bench: Workbench, job: Job, work: (child: ChildProcess) => Promise<T>): Promise<T> {
  const { signal } = bench;
  // Its own process group: Ctrl-C reaches it once, through us.
  const args = withoutProxies(jobArgs(bench, job));
  const told = startedProgram('docker', args);
  const child = spawn('docker', args, { detached: true, stdio: [job.streams === 'in' ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  child.stderr?.on('data', (text: Buffer) => {
    said.push(...text.toString().split('\n'));
    said.splice(0, Math.max(0, said.length - 40));
  });
  if (job.streams === 'in') child.stdout?.resume();
  const stop = () => child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<number>((resolve) => {
    child.once('close', (code) => resolve(code ?? 1));
    child.once('error', (error) => {
      said.push(error.message);
      resolve(1);
    });
  });
  const done = await work(child).then(
    (value) => ({ value }),
    (error: unknown) => {
      child.kill('SIGINT');
      return { error };
    },
  );
  const exitCode = await ended;
  told(exitCode);
  signal.removeEventListener('abort', stop);
  if (signal.aborted) throw new UserError('INTERRUPTED', 'interrupted', 'run the same command again');
  const why = said.filter((line) => line.trim() !== '');
  const failure = exitCode === 0 ? undefined : jobError(job.name, { exitCode, stdout: '', tail: why });
  if (!('error' in done)) {
    if (failure) throw failure;
    return done.value;
  }
  // Where its data ended too early, or it took no more, what the job itself says of that tells more.
  const { code } = done.error as { code?: string };
  const itself = job.streams === 'out' ? code === 'ARCHIVE_DAMAGED' : !(done.error instanceof UserError);
  throw failure && itself && why.length > 0 ? failure : done.error;
}

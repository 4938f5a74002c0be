import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { docker, medianest, run } from '../cli.ts';
import { until } from '../stack.ts';

export interface RestartableEngine {
  dir: string;
  /** For clients of it. */
  env: { DOCKER_HOST: string };
  /** Before a command that is to run in its network. */
  prefix: string[];
  /** Ends it by a signal, and starts it anew. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Images of the engine that the tests use. */
  load(refs: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

/** An engine of its own, in a network of its own, with its own data: it is restarted without anybody else noticing. */
export async function restartableEngine(name: string): Promise<RestartableEngine> {
  const dir = mkdtempSync(path.join(os.tmpdir(), `medianest-${name}-`));
  const at = (part: string) => path.join(dir, part);
  const env = { DOCKER_HOST: `unix://${at('sock')}` };
  const log = openSync(at('log'), 'w');
  // Holds the network while the engine itself is away.
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && exec sleep 3600'], { stdio: 'ignore' });
  const prefix = ['nsenter', '--target', String(holder.pid), '--net'];
  const own = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', env.DOCKER_HOST];
  const names = ['--containerd-namespace', `medianest-${name}`, '--containerd-plugins-namespace', `medianest-${name}-plugins`];
  let engine: ChildProcess;
  const begin = async (): Promise<void> => {
    const [command, ...args] = [...prefix, 'dockerd', ...own, ...names] as [string, ...string[]];
    engine = spawn(command, args, { stdio: ['ignore', log, log] });
    await until('the engine answers', async () => (await docker(['version'], { env })).status === 0, 60);
  };
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    const ended = new Promise((resolve) => engine.once('exit', resolve));
    engine.kill(signal);
    await ended;
  };
  mkdirSync(at('data'));
  await begin();
  return {
    dir,
    env,
    prefix,
    restart: async (signal) => {
      await end(signal);
      // A killed one leaves its number behind, which somebody else may have by now.
      rmSync(at('pid'), { force: true });
      await begin();
    },
    load: async (refs) => {
      const copied = await run('sh', ['-c', 'docker save "$@" | docker --host "$0" load --quiet', env.DOCKER_HOST, ...refs]);
      if (copied.status !== 0) throw new Error(copied.stderr);
    },
    remove: async () => {
      const ids = (await docker(['ps', '--all', '--quiet'], { env })).stdout.split('\n').filter(Boolean);
      if (ids.length > 0) await docker(['rm', '--force', ...ids], { env });
      await end('SIGTERM');
      holder.kill('SIGKILL');
      // What a killed engine had mounted is not unmounted by the next one.
      const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[4] ?? '');
      for (const mount of mounts
        .filter((point) => point.startsWith(dir))
        .sort()
        .reverse())
        await run('umount', ['--lazy', mount]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The references of images of prod, built where they are not there yet. */
export async function imagesOf(names: readonly string[]): Promise<string[]> {
  const built = await medianest(['images', 'build', '--profile', 'prod', '--state', '/tmp/medianest-test-images', '--json']);
  if (built.status !== 0) throw new Error(built.stderr);
  const { images } = JSON.parse(built.stdout) as { images: { name: string; ref: string }[] };
  return images.filter(({ name }) => names.includes(name)).map(({ ref }) => ref);
}

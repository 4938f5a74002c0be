import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { docker, PROGRAM, run } from '../cli.ts';
import { PREFIX } from '../workspace.ts';

/** A Docker Engine of a test's own: no image of another test is in it, and in its network namespace there is no way out. */
export interface OwnEngine {
  env: { DOCKER_HOST: string };
  docker(args: readonly string[]): ReturnType<typeof docker>;
  /** Runs medianest where the engine runs: without a network as well. */
  medianest(args: readonly string[], cwd: string): ReturnType<typeof run>;
  stop(): Promise<void>;
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 200));

/** @throws Error where it does not answer within a minute; starting one takes root */
export async function ownEngine(name: string): Promise<OwnEngine> {
  const dir = mkdtempSync(path.join(os.tmpdir(), `medianest-${name}-`));
  const at = (file: string) => path.join(dir, file);
  mkdirSync(at('data'));
  const env = { DOCKER_HOST: `unix://${at('sock')}` };
  const log = openSync(at('log'), 'w');
  const own = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', env.DOCKER_HOST];
  const names = ['--containerd-namespace', `${PREFIX}-${name}`, '--containerd-plugins-namespace', `${PREFIX}-${name}-plugins`];
  spawn('unshare', ['--net', 'dockerd', ...own, ...names], { detached: true, stdio: ['ignore', log, log] }).unref();
  const ask = (args: readonly string[]) => docker(args, { env });
  for (let round = 0; (await ask(['version'])).status !== 0; round++) {
    if (round > 300) throw new Error(`the engine does not answer: ${at('log')}`);
    await pause();
  }
  return {
    env,
    docker: ask,
    medianest: (args, cwd) =>
      run('nsenter', ['--target', readFileSync(at('pid'), 'utf8').trim(), '--net', process.execPath, PROGRAM, ...args], { cwd, env }),
    stop: async () => {
      if (existsSync(at('pid'))) {
        await run('sh', ['-c', 'kill "$(cat "$0")"', at('pid')]);
        for (let round = 0; existsSync(at('pid')) && round < 300; round++) await pause();
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Run, run } from '../cli.ts';

/** A TPM 2.0 in a program (swtpm), which keeps what a chip keeps while it is off. */
export interface SoftwareTpm {
  /** Has the programs of tpm2-tools speak to it. */
  env: Record<string, string>;
  /** Runs one of these programs. */
  tell(program: string, ...args: string[]): Promise<Run>;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The chip of another board is in its place. */
  exchange(): Promise<void>;
  remove(): Promise<void>;
}

export async function softwareTpm(): Promise<SoftwareTpm> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-swtpm-'));
  const at = (name: string) => path.join(folder, name);
  const env = { TPM2TOOLS_TCTI: `swtpm:path=${at('socket')}` };
  let board = 0;
  let running = false;
  const must = async (program: string, args: string[]) => {
    const { status, stderr } = await run(program, args, { env });
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  };
  const start = async () => {
    mkdirSync(at(`board-${board}`), { recursive: true });
    const socket = ['--server', `type=unixio,path=${at('socket')}`, '--ctrl', `type=unixio,path=${at('socket.ctrl')}`];
    const flags = ['--flags', 'not-need-init,startup-clear', '--daemon', '--pid', `file=${at('pid')}`];
    await must('swtpm', ['socket', '--tpm2', '--tpmstate', `dir=${at(`board-${board}`)}`, ...socket, ...flags]);
    running = true;
  };
  const stop = async () => {
    if (!running) return;
    running = false;
    const pid = Number(readFileSync(at('pid'), 'utf8'));
    process.kill(pid);
    while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  await start();
  return {
    env,
    tell: async (program, ...args) => {
      const ended = await run(program, args, { env, cwd: folder });
      await must('tpm2_flushcontext', ['--transient-object']);
      return ended;
    },
    start,
    stop,
    exchange: async () => {
      await stop();
      board++;
      await start();
    },
    remove: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

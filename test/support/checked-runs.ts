import { expect } from 'vitest';
import { docker, type Run } from './cli.ts';
import { json } from './command.ts';
import type { Workspace } from './workspace.ts';

/** How a test of a stack runs commands of its workspace. @param space asked at each run: it is made in `beforeAll` */
export const checkedRuns = (space: () => Workspace) => ({
  /** It has to succeed. */
  must: async (...args: string[]): Promise<Run> => {
    const done = await space().run(args);
    expect({ args, status: done.status, stderr: done.stderr }).toMatchObject({ status: 0 });
    return done;
  },
  /** Its status, and what the error says. */
  refused: async (...args: string[]) => {
    const { status, stdout } = await space().run([...args, '--json']);
    return { status, ...json(stdout).error };
  },
  /** It is killed as soon as it says these words. */
  killedAt: (words: string, ...args: string[]): Promise<Run> =>
    space().run(args, {
      onSpawn: (child) => child.stderr?.on('data', (text: Buffer) => text.toString().includes(words) && child.kill('SIGKILL')),
    }),
});

/** Runs a script with a volume, by its whole name, at /v; it has to succeed. @returns what it printed */
export async function inVolume(volume: string, script: string): Promise<string> {
  const mount = `type=volume,source=${volume},target=/v`;
  const argv = ['run', '--rm', '--network', 'none', '--mount', mount, 'debian:trixie-slim', 'bash', '-ec', script];
  const { status, stdout, stderr } = await docker(argv);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stdout;
}

/** Names, owners, modes, times and contents of everything in it. */
export const volumeContents = (volume: string): Promise<string> =>
  inVolume(volume, "cd /v; find . -printf '%y %m %U %G %T@ %l %p\\n' | sort; find . -type f -exec sha256sum {} + | sort -k 2");

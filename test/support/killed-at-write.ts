import { watch } from 'node:fs';
import { medianest } from './cli.ts';

/** Files whose writes are counted, by their names in these folders. */
export interface Counted {
  folders: readonly string[];
  files: readonly string[];
}

/** Runs a command, and kills it as it writes one of the files for the nth time. @returns whether it was killed: it may have ended before */
export async function killedAtWrite(
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
  { folders, files }: Counted,
  nth: number,
): Promise<boolean> {
  let seen = 0;
  let killed = false;
  await medianest(args, {
    ...options,
    onSpawn: (child) => {
      const count = (_event: string, name: string | null) => {
        if (name !== null && files.includes(name) && ++seen === nth) child.kill('SIGKILL');
      };
      const watchers = folders.map((folder) => watch(folder, count));
      child.on('exit', (_code, signal) => {
        killed = signal === 'SIGKILL';
        for (const watcher of watchers) watcher.close();
      });
    },
  });
  return killed;
}

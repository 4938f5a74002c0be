import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { holds } from './plan/hold.ts';
import type { StateFolder } from './state.ts';

const TOUCH_MS = 5_000;

/** Whether a command works at this moment, so that the agent does not heal. */
export const isHealingPaused = (state: StateFolder, now: Date): boolean =>
  holds(statSync(state.at('hold', 'hold'), { throwIfNoEntry: false })?.mtimeMs, now.getTime());

/**
 * Keeps the agent from healing while a command works: what it stops it starts itself. The agent goes by the file's time
 * (agent/hold.ts), so that healing resumes after a killed command.
 */
export function pauseHealing(state: StateFolder): { end(): void } {
  const file = state.at('hold', 'hold');
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    // A killed command of another user may have left one. It is worth nothing after a crash of the host, so that nothing waits for the disk.
    rmSync(file, { force: true });
    writeFileSync(file, '', { mode: 0o644 });
  } catch {
    // On a full disk the command itself fails, with words of its own.
  }
  const timer = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(file, now, now);
    } catch {
      // Gone, or the disk is full: the worst is that the agent starts what this command is about to start.
    }
  }, TOUCH_MS);
  timer.unref();
  return {
    end: () => {
      clearInterval(timer);
      rmSync(file, { force: true });
    },
  };
}

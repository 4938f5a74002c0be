import { rmSync } from 'node:fs';
import { writeAtomic } from '../core/files.ts';
import type { StateFolder } from '../state/state.ts';

const FILE = 'leader-change.json';
/** After that, a repeated command means another change. */
const FRESH_MS = 10 * 60_000;

interface Noted {
  /** The member that was to give up the lead. */
  from: string;
  at: string;
}

const isNoted = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'from' in value && typeof value.from === 'string' && 'at' in value;

/** The member that a run which did not come to its end was to take the lead from; undefined if none did lately. */
export function interruptedFrom(state: StateFolder, now: Date): string | undefined {
  const noted = state.readJson<Noted>(FILE, 'a repeated switchover may change the leader once more', isNoted);
  const age = noted && now.getTime() - Date.parse(noted.at);
  return age !== undefined && age >= 0 && age < FRESH_MS ? noted?.from : undefined;
}

/** Before the leader is changed, so that the same command, run again after a kill, does not change it back. */
export function noteChange(state: StateFolder, from: string | null, now: Date): void {
  if (from === null) return;
  try {
    writeAtomic(state.at(FILE), `${JSON.stringify({ from, at: now.toISOString() } satisfies Noted)}\n`);
  } catch {
    // On a full disk the database may need another leader all the same.
  }
}

export const forgetChange = (state: StateFolder): void => rmSync(state.at(FILE), { force: true });

import type { LogTally } from '../logs/log-tally.ts';

/** What the agent counts of itself from its start on, whatever its configuration becomes. */
export interface Tally {
  /** Actions by kind: `start`, `restart`, `handover`, `give-up`, `suggest`, `fence-kill`, `fence-release`, or the name of a group. */
  actions: Record<string, number>;
  /** Starts and restarts that healing did, by service. */
  healed: Record<string, number>;
  /** Containers that the kernel killed a process of for memory, by service: as far as the engine told it. */
  oomKills: Record<string, number>;
  /** The last round of each loop. */
  loops: Record<string, { seconds: number; endedAt: number; failures: number }>;
  /** Whether a command holds healing back now, and how often one did. */
  held: boolean;
  holds: number;
  /** Questions to the engine about containers that it did not answer as it should. */
  failedReads: number;
  /** Of the logs that it ships, where it does. */
  logs?: LogTally;
}

/** Kinds that stand there from the start, so that a first action shows as an increase. */
const KINDS = ['start', 'restart', 'handover', 'give-up', 'suggest', 'fence-kill', 'fence-release'];

export const newTally = (): Tally => ({
  actions: Object.fromEntries(KINDS.map((kind) => [kind, 0])),
  healed: {},
  oomKills: {},
  loops: {},
  held: false,
  holds: 0,
  failedReads: 0,
});

export function countUp(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}

/** Runs a round of a loop, and notes how long it took and when it ended. One that fails leaves the end of the last good one, or else its own beginning. */
export async function timed(tally: Tally, loop: string, now: () => number, round: () => Promise<void>): Promise<void> {
  const began = now() / 1000;
  const failures = tally.loops[loop]?.failures ?? 0;
  try {
    await round();
    tally.loops[loop] = { seconds: now() / 1000 - began, endedAt: now() / 1000, failures };
  } catch (error) {
    tally.loops[loop] = { endedAt: began, seconds: 0, ...tally.loops[loop], failures: failures + 1 };
    throw error;
  }
}

/** Notes whether healing is held back at this moment. */
export function noteHold(tally: Tally, held: boolean): void {
  if (held && !tally.held) tally.holds++;
  tally.held = held;
}

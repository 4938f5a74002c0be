import { type Decision, decide } from '../../../src/autoscale/plan/decide.ts';
import type { Sample } from '../../../src/autoscale/plan/load.ts';
import {
  type AutoscaleState,
  begun,
  completed,
  decided,
  failed,
  NO_STATE,
  type Pause,
  withoutSample,
  withSample,
} from '../../../src/autoscale/plan/state.ts';
import { type AutoscaleSettings, autoscaleSettings } from '../../../src/services/app/autoscale.ts';

export const START = Date.parse('2026-11-30T10:00:00Z');
const STEP = 5000;

export const settings = (more: object = {}): AutoscaleSettings => autoscaleSettings.parse({ min: 2, max: 20, inFlight: 10, ...more });

/** What the sensors say at a second, for so many ready replicas; undefined where they fail. */
export type Load = (second: number, ready: number) => Omit<Sample, 'at' | 'ready'> | undefined;

export interface Change {
  second: number;
  from: number;
  to: number;
  reason: string;
}

interface Play {
  own?: AutoscaleSettings;
  load: Load;
  seconds: number;
  from?: number;
  /** How long a change takes until its replicas are ready. */
  takes?: number;
  fails?: (second: number) => boolean;
  free?: number | undefined;
  each?: number;
  processors?: number;
  /** Percent of the time in which something on the host waits for a processor. */
  pressure?: (second: number) => number | undefined;
  pause?: Pause;
  state?: AutoscaleState;
  /** Seconds without a run. */
  paused?: (second: number) => boolean;
  /** Whether it remembers that removals were regretted. */
  patience?: boolean;
}

export interface Played {
  changes: Change[];
  /** Replicas that should run, at the end. */
  count: number;
  most: number;
  /** The worst load of a ready replica, from the time when it was first above the target. */
  state: AutoscaleState;
  decisions: Decision[];
}

/** Plays autoscaling by the same functions that a run calls, with a clock of its own. */
export function play({
  own = settings(),
  load,
  seconds,
  from = 2,
  takes = 10,
  fails = () => false,
  free,
  each = 1,
  processors = 8,
  pressure = () => undefined,
  pause,
  state: begin = NO_STATE,
  paused = () => false,
  patience = true,
}: Play): Played {
  let state = begin;
  let count = from;
  let ready = from;
  let change: { ends: number; from: number; to: number; reason: string; began: number } | undefined;
  const played: Played = { changes: [], count, most: count, state, decisions: [] };
  for (let second = 0; second <= seconds; second += STEP / 1000) {
    const now = START + second * 1000;
    if (paused(second)) continue;
    if (change && second >= change.ends) {
      const ended = { from: change.from, to: change.to, reason: change.reason, began: change.began, now };
      if (fails(second)) state = failed(state, 'app-3 does not become ready', ended);
      else {
        state = completed(state, own, ended);
        if (!patience) state.regrets = 0;
        ready = count;
      }
      change = undefined;
    }
    const seen = load(second, ready);
    state = seen ? withSample(state, { at: now, ready, ...seen }, own) : withoutSample(state, now, 'the balancer does not answer');
    if (change) continue;
    const decision = decide({ now, own, count, state, pause, memory: { free, each }, processors, pressure: pressure(second) });
    played.decisions.push(decision);
    state = decided(state, decision.reason, decision.over, now);
    if (decision.action === 'keep') continue;
    const origin = decision.action === 'resume' ? (state.unfinished?.from ?? count) : count;
    state = begun(state, { from: origin, to: decision.to, reason: decision.reason, now });
    played.changes.push({ second, from: origin, to: decision.to, reason: decision.reason });
    change = { ends: second + takes, from: origin, to: decision.to, reason: decision.reason, began: now };
    // Those that go are drained at once; those that come are ready when the change is complete.
    if (decision.to < count) ready = Math.min(ready, decision.to);
    count = decision.to;
    played.most = Math.max(played.most, count);
  }
  return { ...played, count, state };
}

/** How often the direction of changes turned. */
export const turns = (changes: readonly Change[]): number => {
  const ways = changes.map(({ from, to }) => Math.sign(to - from)).filter((way) => way !== 0);
  return ways.filter((way, index) => index > 0 && way !== ways[index - 1]).length;
};

/** Noise that is the same in each run: values from -1 to 1 (a linear congruential generator). */
export function noise(seed: number): () => number {
  let value = seed;
  return () => {
    value = (value * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return value / 2_147_483_648 - 1;
  };
}

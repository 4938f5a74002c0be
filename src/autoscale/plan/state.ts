import type { AutoscaleSettings } from '../../services/app/autoscale.ts';
import type { Sample } from './load.ts';

/** One change of the number of replicas. */
export interface Action {
  /** ISO 8601. */
  at: string;
  from: number;
  to: number;
  reason: string;
  result: 'done' | 'failed';
  seconds: number;
  /** What went wrong. */
  message?: string;
}

/** What a run keeps for the next one. Times are milliseconds since 1970. */
export interface AutoscaleState {
  samples: Sample[];
  /** The last look, also one that told nothing. */
  looked?: number;
  /** What the last decision was, in words. */
  decision?: string;
  /** The newest last. */
  actions: Action[];
  /** When replicas were added or removed for the last time. */
  lastUp?: number;
  lastDown?: number;
  /** How often in a row what was removed was soon needed again: each time the next removal waits twice as long. */
  regrets: number;
  /** A change that was begun and is not complete: its run was killed, or replicas did not become ready. */
  unfinished?: { from: number; to: number; reason: string; attempts: number; retryAt: number };
  /** Nothing is done before then. */
  blocked?: { until: number; why: string };
  /** The load is above the target, and no replica is added. */
  over?: { since: number; why: string };
  /** Nothing is known of the load. */
  unreadable?: { since: number; why: string };
}

export const NO_STATE: AutoscaleState = { samples: [], actions: [], regrets: 0 };

/** A number that a person has asked for: until then it stays. */
export interface Pause {
  /** ISO 8601. */
  until: string;
  replicas: number;
  by: string;
}

/** Readings this far apart, or less, tell of all the time between them: a run ends and the next begins. */
export const GAP_MS = 30_000;
const ACTIONS_KEPT = 20;
const MOST_REGRETS = 4;
const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 15 * 60_000;

/** What is of the future is another clock's: nothing may wait until that time has come. */
function upTo(now: number, state: AutoscaleState): AutoscaleState {
  const { lastUp, lastDown, unfinished, samples, ...rest } = state;
  return {
    ...rest,
    samples: samples.filter(({ at }) => at < now),
    ...(lastUp !== undefined && { lastUp: Math.min(lastUp, now) }),
    ...(lastDown !== undefined && { lastDown: Math.min(lastDown, now) }),
    ...(unfinished && { unfinished: { ...unfinished, retryAt: Math.min(unfinished.retryAt, now + LAST_RETRY_MS) } }),
  };
}

export function withSample(state: AutoscaleState, sample: Sample, own: AutoscaleSettings): AutoscaleState {
  const oldest = sample.at - (own.downSeconds + own.upSeconds) * 1000 - GAP_MS;
  const { unreadable: _, ...rest } = upTo(sample.at, state);
  return { ...rest, looked: sample.at, samples: [...rest.samples.filter(({ at }) => at >= oldest), sample] };
}

export const withoutSample = (state: AutoscaleState, now: number, why: string): AutoscaleState => ({
  ...upTo(now, state),
  looked: now,
  unreadable: { since: Math.min(state.unreadable?.since ?? now, now), why },
});

/** How long removals wait after replicas were added. */
export const downWaitMs = (state: Pick<AutoscaleState, 'regrets'>, own: AutoscaleSettings): number =>
  own.downSeconds * 1000 * 2 ** state.regrets;

interface Ended {
  from: number;
  to: number;
  reason: string;
  began: number;
  now: number;
}

/** Before the change is carried out: a run that is killed leaves this. */
export const begun = (state: AutoscaleState, { from, to, reason, now }: Omit<Ended, 'began'>): AutoscaleState => ({
  ...state,
  unfinished: { from, to, reason, attempts: (state.unfinished?.to === to ? state.unfinished.attempts : 0) + 1, retryAt: now },
});

/** The change is complete. */
export function completed(state: AutoscaleState, own: AutoscaleSettings, { from, to, reason, began, now }: Ended): AutoscaleState {
  const { unfinished: _, blocked: __, ...rest } = state;
  const action: Action = { at: new Date(began).toISOString(), from, to, reason, result: 'done', seconds: (now - began) / 1000 };
  const done = { ...rest, actions: [...state.actions, action].slice(-ACTIONS_KEPT) };
  if (to < from) return { ...done, lastDown: now };
  const soon = state.lastDown !== undefined && now - state.lastDown < 2 * downWaitMs(state, own);
  return { ...done, lastUp: now, regrets: soon ? Math.min(MOST_REGRETS, state.regrets + 1) : 0 };
}

/** Some of it was done, and the rest was not: it is tried again, later each time. */
export function failed(state: AutoscaleState, message: string, { from, to, reason, began, now }: Ended): AutoscaleState {
  const attempts = state.unfinished?.attempts ?? 1;
  const action: Action = { at: new Date(began).toISOString(), from, to, reason, result: 'failed', seconds: (now - began) / 1000, message };
  return {
    ...state,
    actions: [...state.actions, action].slice(-ACTIONS_KEPT),
    unfinished: { from, to, reason, attempts, retryAt: now + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempts - 1)) },
  };
}

/** Nothing was begun. */
export function refused(state: AutoscaleState, before: AutoscaleState['unfinished'], why: string, until: number): AutoscaleState {
  const { unfinished: _, ...rest } = state;
  return { ...rest, ...(before && { unfinished: before }), blocked: { until, why } };
}

/** What was decided, for people and for `health`. @param over why a load above the target is not answered */
export function decided(state: AutoscaleState, text: string, over: string | undefined, now: number): AutoscaleState {
  const { over: before, ...rest } = state;
  return { ...rest, decision: text, ...(over !== undefined && { over: { since: Math.min(before?.since ?? now, now), why: over } }) };
}

import { plural } from '../../core/plural.ts';
import { utcText } from '../../core/time.ts';
import { bytes } from '../../host/plan/finding.ts';
import type { AutoscaleSettings, Target } from '../../services/app/autoscale.ts';
import { type Demand, demandsOf, highest, type Sample } from './load.ts';
import { type AutoscaleState, downWaitMs, GAP_MS, type Pause } from './state.ts';

/** Everything that a decision goes by. */
export interface Situation {
  /** Milliseconds since 1970. */
  now: number;
  own: AutoscaleSettings;
  /** Replicas that should run, by settings and overrides: also those that are not ready yet. */
  count: number;
  state: AutoscaleState;
  pause?: Pause | undefined;
  /** Bytes that are free on the host, undefined where that is not known; and a replica's limit. */
  memory: { free: number | undefined; each: number };
  /** Of the host. */
  processors: number;
  /** Percent of the last seconds in which something on the host waited for a processor; undefined where that is not known. */
  pressure?: number | undefined;
}

export interface Decision {
  /** `resume`: what was begun for the same number is done again. */
  action: 'keep' | 'up' | 'down' | 'resume';
  to: number;
  reason: string;
  /** The load is above the target, and this is why no replica, or fewer than asked for, is added. */
  over?: string;
}

/** Load so far above the target asks for more, and so far below for fewer: between them nothing is done. */
const UPPER = 1.1;
const LOWER = 0.9;
/** At most as many again at once; and no more than processors, as those that start take time from those that serve. */
const MOST_GROWTH = 2;
/** At most this part of them goes at once. */
const MOST_LEAVE = 1 / 4;

/**
 * How many replicas there should be. Up at once, for the mean load of `upSeconds`; down in small steps, for the highest load of
 * `downSeconds`. What is not known is no reason for anything.
 */
export function decide(situation: Situation): Decision {
  const { now, own, count, state, pause } = situation;
  const keep = (reason: string, over?: string): Decision => ({ action: 'keep', to: count, reason, ...(over !== undefined && { over }) });
  const demand = highest(demandsOf(recentOf(state.samples, own, now), own));
  const above = demand !== undefined && isAbove(situation, demand);
  /** Nothing is done, for this reason; if more is asked for, that is worth knowing. */
  const stay = (why: string) => keep(why, above ? `${demand.text}: ${why}` : undefined);

  if (pause && Date.parse(pause.until) > now) return stay(pausedText(pause));
  if (state.blocked && state.blocked.until > now && state.blocked.until - now <= GAP_MS) return stay(state.blocked.why);
  const half = state.unfinished?.to === count ? state.unfinished : undefined;
  if (half && half.retryAt <= now) return { action: 'resume', to: count, reason: half.reason };
  if (count > own.max) return { action: 'down', to: own.max, reason: `app.autoscale.max is ${own.max}` };
  if (count < own.min) return grow(situation, own.min, `app.autoscale.min is ${own.min}`, keep);

  const unknown = whyUnknown(situation, demand);
  if (unknown) return keep(unknown);
  if (above) {
    if (half) return stay(`the change to ${half.to} is not complete: it is tried again at ${utcText(new Date(half.retryAt))}`);
    if (count >= own.max) return stay(`${own.max} is app.autoscale.max`);
    const settled = Math.max(state.lastUp ?? 0, state.lastDown ?? 0);
    if (now - settled < own.upSeconds * 1000) return keep(`${demand.text}: the number was changed ${seconds(now - settled)} ago`);
    const { pressure } = situation;
    if (pressure !== undefined && pressure > own.hostPressure)
      return stay(
        `the host’s processors are busy (something waits for one ${Math.round(pressure)} % of the time): a replica more would slow those that serve`,
      );
    const most = Math.min(count * MOST_GROWTH, count + Math.max(1, situation.processors));
    return grow(situation, Math.min(own.max, Math.ceil(demand.replicas), most), `${demand.text} for ${own.upSeconds} s`, keep);
  }
  return shrink(situation, demand, keep);
}

type Keep = (reason: string, over?: string) => Decision;

/** Up to a number, as far as the host has memory for it. */
function grow({ count, memory }: Situation, wanted: number, reason: string, keep: Keep): Decision {
  const room = memory.free === undefined ? wanted : count + Math.floor(memory.free / memory.each);
  if (room >= wanted) return { action: 'up', to: wanted, reason };
  const short = `the host has ${bytes(memory.free ?? 0)} of memory left, and a replica may take ${bytes(memory.each)} (app.memory)`;
  if (room <= count) return keep(`${reason}: ${short}`, `${reason}: ${short}`);
  return {
    action: 'up',
    to: room,
    reason: `${reason}; ${plural(wanted, 'replica')} would be right, but ${short}`,
    over: `${reason}: ${short}`,
  };
}

function shrink({ now, own, count, state }: Situation, demand: Demand | undefined, keep: Keep): Decision {
  const calm = demand?.text ?? 'the load is not above the target';
  if (count <= own.min) return keep(`${calm}; ${own.min} is app.autoscale.min`);
  const wait = (state.lastUp ?? 0) + downWaitMs(state, own) - now;
  if (wait > 0) return keep(`${calm}; none is removed for another ${seconds(wait)}`);
  if (now - (state.lastDown ?? 0) < own.upSeconds * 1000)
    return keep(`${calm}; the last removal was ${seconds(now - (state.lastDown ?? 0))} ago`);
  const peak = peakOf(state.samples, own, now);
  if (!peak) return keep(`${calm}; the load of the last ${own.downSeconds} s is not known as a whole`);
  // One that is not ready carries nothing, and it is not known whether it is one of those that would go.
  const absent = Math.max(0, count - (state.samples.at(-1)?.ready ?? 0));
  const needed = Math.max(own.min, Math.ceil(peak.replicas / LOWER), 1) + absent;
  const to = Math.max(Math.min(needed, count), count - Math.max(1, Math.floor(count * MOST_LEAVE)));
  if (to >= count) return keep(calm);
  return { action: 'down', to, reason: `at most ${peak.text} for ${own.downSeconds} s` };
}

/** It is above the target on average, and the last two samples bear that out: one alone is a blip. */
function isAbove({ own, count, state, now }: Situation, { replicas }: Demand): boolean {
  const last = recentOf(state.samples, own, now)
    .slice(-2)
    .map((sample) => highest(demandsOf([sample], own))?.replicas ?? replicas);
  return replicas > count * UPPER && last.length === 2 && last.every((each) => each > count);
}

/** Why nothing can be concluded from the samples; undefined where something can. */
function whyUnknown({ now, state }: Situation, demand: Demand | undefined): string | undefined {
  const newest = state.samples.at(-1);
  if (!newest || now - newest.at > GAP_MS) return `the load is not known: ${state.unreadable?.why ?? 'it has not been measured yet'}`;
  if (newest.ready === 0) return 'no replica is ready';
  return demand ? undefined : 'the load is not known yet';
}

const recentOf = (samples: readonly Sample[], own: AutoscaleSettings, now: number): Sample[] =>
  samples.filter(({ at }) => at > now - own.upSeconds * 1000 && at <= now);

/** The highest load within `downSeconds`, as means of `upSeconds`; undefined unless every target is known all the time. */
function peakOf(samples: readonly Sample[], own: AutoscaleSettings, now: number): Demand | undefined {
  const targets = (['inFlight', 'cpuPercent', 'latencyMs'] satisfies Target[]).filter((target) => own[target] !== undefined);
  const from = now - own.downSeconds * 1000;
  const means = samples.map(({ at }) => ({ at, demands: demandsOf(recentOf(samples, own, at), own) }));
  const known = means.filter(({ demands }) => targets.every((target) => demands[target] !== undefined));
  const first = known.findLastIndex(({ at }) => at <= from);
  if (first < 0) return undefined;
  const whole = known.slice(first);
  const gaps = whole.some(({ at }, index) => (whole[index + 1]?.at ?? now) - at > GAP_MS);
  if (gaps) return undefined;
  return whole.slice(1).reduce<Demand | undefined>((most, { demands }) => {
    const each = highest(demands);
    return each && (!most || each.replicas > most.replicas) ? each : most;
  }, undefined);
}

export const pausedText = ({ replicas, until, by }: Pause): string =>
  `paused at ${plural(replicas, 'replica')} by ${by} until ${utcText(until)}`;

const seconds = (ms: number): string => `${Math.max(0, Math.round(ms / 1000))} s`;

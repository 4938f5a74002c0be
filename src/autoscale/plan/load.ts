import type { AutoscaleSettings, Target } from '../../services/app/autoscale.ts';
import type { BalancerLoad } from '../../services/app/balancer-stats.ts';

/** What was read at one moment: counters that only grow. */
export interface Reading {
  /** Milliseconds since 1970. */
  at: number;
  load: BalancerLoad;
  /** Replica -> processor time used; undefined where it was not asked or not told. */
  cpuSeconds?: Readonly<Record<string, number>> | undefined;
}

/** The load of the application at one moment, of all replicas together. */
export interface Sample {
  at: number;
  /** Replicas that the balancer sends requests to. */
  ready: number;
  /** Requests under way, and waiting. */
  inFlight: number;
  /** Processors in use since the reading before; absent where it is not known of a replica. */
  cpus?: number;
  /** Answers since the reading before, and how long they took in all; absent where that is not known. */
  answers?: { count: number; ms: number };
}

/** HAProxy's averages slide over so many requests (TIME_STATS_SAMPLES). */
const SLIDES_OVER = 512;

export function sampleOf(before: Reading | undefined, now: Reading): Sample {
  const replicas = Object.entries(now.load.replicas);
  const inFlight = replicas.reduce((sum, [, load]) => sum + load.inFlight, now.load.waiting);
  const cpus = before && cpusBetween(before, now);
  const answers = before && answersBetween(before.load, now.load);
  return { at: now.at, ready: replicas.length, inFlight, ...(cpus !== undefined && { cpus }), ...(answers && { answers }) };
}

/** Processors in use; undefined unless it is known of every replica that serves. */
function cpusBetween(before: Reading, now: Reading): number | undefined {
  const seconds = (now.at - before.at) / 1000;
  if (seconds <= 0) return undefined;
  const used = Object.keys(now.load.replicas).map(
    (name) => (now.cpuSeconds?.[name] ?? Number.NaN) - (before.cpuSeconds?.[name] ?? Number.NaN),
  );
  // A counter that has become less is that of another container.
  return used.every((each) => each >= 0) ? used.reduce((sum, each) => sum + each, 0) / seconds : undefined;
}

function answersBetween(before: BalancerLoad, now: BalancerLoad): Sample['answers'] {
  const each = Object.entries(now.replicas).flatMap(([name, { requests, averageMs }]) => {
    const old = before.replicas[name];
    const count = requests - (old?.requests ?? Number.NaN);
    if (!old || !(count >= 0)) return [];
    return [{ count, ms: count === 0 ? 0 : count * meanOfNew(old, { requests, averageMs }) }];
  });
  if (each.length === 0) return undefined;
  return { count: each.reduce((sum, { count }) => sum + count, 0), ms: each.reduce((sum, { ms }) => sum + ms, 0) };
}

/** The mean of the requests between two sliding averages: the average itself would tell of old ones for a long time. */
function meanOfNew(before: { requests: number; averageMs: number }, now: { requests: number; averageMs: number }): number {
  const count = now.requests - before.requests;
  const share = Math.max(count / now.requests, 1 - (1 - 1 / SLIDES_OVER) ** count);
  return Math.max(0, before.averageMs + (now.averageMs - before.averageMs) / share);
}

/** How many replicas a load asks for, as one target counts. */
export interface Demand {
  /** With fractions: 2.4 replicas would be at the target exactly. */
  replicas: number;
  /** In words, with the target. */
  text: string;
}

/** Mean of the samples, for each target that is set; a target is left out where the samples do not tell. */
export function demandsOf(samples: readonly Sample[], own: AutoscaleSettings): Partial<Record<Target, Demand>> {
  const ready = mean(samples.map((sample) => sample.ready));
  if (samples.length === 0 || ready === 0) return {};
  const inFlight = mean(samples.map((sample) => sample.inFlight));
  const on = `on each of ${shown(ready)} ${ready === 1 ? 'replica' : 'replicas'}`;
  const found: Partial<Record<Target, Demand>> = {};
  if (own.inFlight !== undefined)
    found.inFlight = { replicas: inFlight / own.inFlight, text: `${shown(inFlight / ready)} in flight ${on} (target ${own.inFlight})` };
  const cpus = samples.flatMap((sample) => sample.cpus ?? []);
  if (own.cpuPercent !== undefined && cpus.length > 0) {
    const percent = mean(cpus) * 100;
    found.cpuPercent = {
      replicas: percent / own.cpuPercent,
      text: `${Math.round(percent / ready)} % of a processor ${on} (target ${own.cpuPercent} %)`,
    };
  }
  const latency = own.latencyMs === undefined ? undefined : byLatency(samples, own.latencyMs, ready, inFlight);
  return { ...found, ...(latency && { latencyMs: latency }) };
}

/**
 * Replicas share out what is under way: with fewer requests than replicas, one more makes no answer faster. Of requests of which
 * none was answered it is not known how long they take.
 */
function byLatency(samples: readonly Sample[], target: number, ready: number, inFlight: number): Demand | undefined {
  const answers = samples.flatMap((sample) => sample.answers ?? []);
  const count = answers.reduce((sum, answer) => sum + answer.count, 0);
  if (answers.length === 0 || (count === 0 && inFlight >= 1)) return undefined;
  const ms = count === 0 ? 0 : answers.reduce((sum, answer) => sum + answer.ms, 0) / count;
  return {
    replicas: Math.min((ready * ms) / target, inFlight),
    text: `answers begin after ${Math.round(ms)} ms with ${shown(inFlight / ready)} in flight on each of ${shown(ready)} (target ${target} ms)`,
  };
}

/** The highest of all targets that are known. */
export const highest = (demands: Partial<Record<Target, Demand>>): Demand | undefined =>
  Object.values(demands).reduce<Demand | undefined>((most, each) => (most && most.replicas >= each.replicas ? most : each), undefined);

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** `3`, `2.4`. */
const shown = (value: number): string => String(Math.round(value * 10) / 10);

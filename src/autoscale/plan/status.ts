import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';
import { durationText, utcText } from '../../core/time.ts';
import type { AutoscaleSettings } from '../../services/app/autoscale.ts';
import { pausedText } from './decide.ts';
import { demandsOf, highest } from './load.ts';
import type { Action, AutoscaleState, Pause } from './state.ts';

/** What is known of autoscaling, for people and for `health`. */
export interface Known {
  now: number;
  own: AutoscaleSettings | undefined;
  /** The application is behind a balancer. */
  balanced: boolean;
  /** Replicas that should run. */
  count: number;
  state: AutoscaleState;
  pause: Pause | undefined;
}

/** As `autoscale status --json` prints it. */
export interface AutoscaleView {
  state: 'off' | 'without a balancer' | 'paused' | 'not running' | 'on';
  replicas: number;
  ready: number | null;
  min: number | null;
  max: number | null;
  targets: { inFlight: number | null; cpuPercent: number | null; latencyMs: number | null };
  load: { inFlight: number; cpuPercent: number | null; latencyMs: number | null } | null;
  /** When the load was read last, ISO 8601. */
  looked: string | null;
  decision: string | null;
  /** Why a load above the target is not answered, and since when. */
  over: { since: string; why: string } | null;
  pause: Pause | null;
  actions: Action[];
}

/** The job looks each minute; a change may take longer, and it looks meanwhile. */
const LATE_MS = 5 * 60_000;
/** Two minutes above the target are worth a warning. */
const OVER_MS = 2 * 60_000;

const isPaused = ({ pause, now }: Pick<Known, 'pause' | 'now'>): boolean => pause !== undefined && Date.parse(pause.until) > now;
const isLate = ({ state, now }: Pick<Known, 'state' | 'now'>): boolean => state.looked === undefined || now - state.looked > LATE_MS;

export function autoscaleView(known: Known): AutoscaleView {
  const { own, state, pause, count } = known;
  const newest = state.samples.at(-1);
  const { count: answers = 0, ms = 0 } = newest?.answers ?? {};
  return {
    state: stateOf(known),
    replicas: count,
    ready: newest?.ready ?? null,
    min: own?.min ?? null,
    max: own?.max ?? null,
    targets: { inFlight: own?.inFlight ?? null, cpuPercent: own?.cpuPercent ?? null, latencyMs: own?.latencyMs ?? null },
    load: newest
      ? {
          inFlight: newest.inFlight,
          cpuPercent: newest.cpus === undefined ? null : Math.round(newest.cpus * 100),
          latencyMs: answers === 0 ? null : Math.round(ms / answers),
        }
      : null,
    looked: timeOf(state.looked),
    decision: state.decision ?? null,
    over: state.over ? { since: new Date(state.over.since).toISOString(), why: state.over.why } : null,
    pause: isPaused(known) ? (pause as Pause) : null,
    actions: state.actions,
  };
}

function stateOf(known: Known): AutoscaleView['state'] {
  if (!known.own) return 'off';
  if (!known.balanced) return 'without a balancer';
  if (isPaused(known)) return 'paused';
  return isLate(known) ? 'not running' : 'on';
}

const timeOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** For a person. */
export function describeAutoscale(known: Known): string {
  const view = autoscaleView(known);
  if (view.state === 'off') return `off: app has ${plural(view.replicas, 'replica')}; app.autoscale in medianest.yml switches it on`;
  const head = `${view.state}: app has ${plural(view.replicas, 'replica')}${view.ready === null ? '' : ` (${view.ready} ready)`}, ${view.min} to ${view.max}`;
  const lines = [
    ...(view.pause ? [`${pausedText(view.pause)}; \`medianest autoscale resume\` ends that`] : []),
    ...(view.state === 'not running' ? [NOT_RUN] : []),
    ...(view.decision && view.looked ? [`${utcText(view.looked)}: ${view.decision}`] : []),
    ...(view.over ? [`above the target since ${utcText(view.over.since)}: ${view.over.why}`] : []),
    ...view.actions.slice(-5).map(actionText),
  ];
  return [head, ...lines.map((line) => `  ${line}`)].join('\n');
}

const NOT_RUN = 'nothing reads the load: sudo medianest jobs install, or keep `medianest jobs watch` running';

const actionText = ({ at, from, to, reason, result, seconds, message }: Action): string =>
  `${utcText(at)}: ${from} -> ${to} in ${Math.round(seconds)} s, ${reason}${result === 'failed' ? `; failed: ${firstLine(message)}` : ''}`;

const firstLine = (text = ''): string => text.split('\n')[0] ?? '';

/** A line for `status`, where there is something to know. */
export function autoscaleNotes(known: Known): string[] {
  if (!known.own || !known.balanced) return [];
  if (isPaused(known)) return [`autoscaling is ${pausedText(known.pause as Pause)}: \`medianest autoscale resume\` ends that`];
  return [`autoscaling: ${known.own.min} to ${known.own.max} replicas${isLate(known) ? ', but nothing reads the load' : ''}`];
}

/** For `health`. */
export function autoscaleChecks(known: Known): Check[] {
  const { own, state, now } = known;
  if (!own) return [];
  const check = (status: Check['status'], message: string, remedy?: string): Check[] => [
    { id: 'autoscale', status, message, ...(remedy && { remedy }), value: known.count },
  ];
  if (!known.balanced)
    return check('warn', 'app.autoscale has no effect without a balancer', 'choose a profile with a balancer, such as prod');
  if (isPaused(known)) {
    const over = state.over ? `, and the load is above the target: ${state.over.why}` : '';
    return check(
      over ? 'warn' : 'ok',
      `autoscaling is ${pausedText(known.pause as Pause)}${over}`,
      over ? 'medianest autoscale resume' : undefined,
    );
  }
  const runner = 'sudo medianest jobs install, or keep `medianest jobs watch` running';
  if (state.looked === undefined) return check('warn', 'autoscaling has not run yet', runner);
  if (isLate(known)) return check('fail', `autoscaling has not run since ${utcText(new Date(state.looked))}`, runner);
  if (state.unfinished && state.unfinished.to === known.count && state.unfinished.attempts > 0 && lastFailed(state))
    return check(
      'warn',
      `autoscaling to ${plural(state.unfinished.to, 'replica')} failed: ${firstLine(state.actions.at(-1)?.message)}`,
      'medianest why app; it is tried again by itself',
    );
  if (state.over && now - state.over.since >= OVER_MS)
    return check(
      'warn',
      `the app has been above its target for ${durationText((now - state.over.since) / 1000)}: ${state.over.why}`,
      'raise app.autoscale.max (and app.maxReplicas), or give the host more; medianest autoscale status',
    );
  if (state.unreadable && now - state.unreadable.since >= OVER_MS)
    return check('warn', `autoscaling does not know the load: ${state.unreadable.why}`, 'medianest why balancer');
  const load = highest(demandsOf(state.samples.slice(-1), own));
  return check('ok', `autoscaling: ${plural(known.count, 'replica')}, ${own.min} to ${own.max}${load ? `; ${load.text}` : ''}`);
}

const lastFailed = ({ actions }: AutoscaleState): boolean => actions.at(-1)?.result === 'failed';

import type { ChannelSettings } from '../../services/monitoring/alerts-settings.ts';
import type { Finding } from './findings.ts';
import { type Alert, NO_TIME, type Notification, notification } from './notification.ts';
import { isSilenced, type Silence } from './silence.ts';

/** An alert that is or was there. Times are ISO 8601. */
export interface KnownAlert extends Finding {
  /** When it was seen first, this time. */
  since: string;
  /** When it began to fire, in the last hour: each time once. */
  starts: string[];
  /** It fires, until `resolved`. A warning does so when it is seen a second time. */
  fires: boolean;
  /** Since when it is not seen any more. */
  good?: string;
  resolved?: string;
  /** Channel -> when it was told last that this fires. */
  told: Record<string, string>;
}

/** How the last attempts at a channel went. */
export interface ChannelFailure {
  since: string;
  at: string;
  message: string;
}

/** What the job `alerts` knows from its earlier rounds. */
export interface AlertState {
  alerts: Record<string, KnownAlert>;
  failures: Record<string, ChannelFailure>;
}

export const NO_STATE: AlertState = { alerts: {}, failures: {} };

/** A round comes each minute, and may be a little early. */
const ROUND_MS = 45_000;
/** What begins to fire more often within an hour is flapping: it is over only when it was quiet for longer. */
const STARTS = 3;
const HOUR_MS = 3_600_000;
const CALM_FLAPPING_MS = 15 * 60_000;

const age = (time: string, now: Date): number => now.getTime() - Date.parse(time);
/** What is of the future is another clock's: it counts from now on. */
const begunBy = (time: string, now: Date): string => (Date.parse(time) > now.getTime() ? now.toISOString() : time);
const isFlapping = ({ starts }: KnownAlert): boolean => starts.length >= STARTS;

/**
 * One round: what is wrong now, added to what was known. A critical alert fires at once, a warning when it is seen in two rounds. An alert is
 * resolved when it was away for two rounds; a flapping one, for a quarter of an hour.
 */
export function nextState(state: AlertState, findings: readonly Finding[], now: Date): AlertState {
  const at = now.toISOString();
  const alerts: Record<string, KnownAlert> = {};
  for (const finding of findings) alerts[finding.id] = seen(state.alerts[finding.id], finding, at, now);
  for (const [id, known] of Object.entries(state.alerts)) {
    const left = alerts[id] ? undefined : away(known, at, now);
    if (left) alerts[id] = left;
  }
  return { ...state, alerts };
}

function seen(known: KnownAlert | undefined, finding: Finding, at: string, now: Date): KnownAlert {
  const again = known === undefined || known.resolved !== undefined;
  const since = again ? at : begunBy(known.since, now);
  const earlier = (known?.starts ?? []).filter((start) => age(start, now) < HOUR_MS);
  const fired = !again && known.fires;
  const fires = fired || finding.severity === 'critical' || age(since, now) >= ROUND_MS;
  const told = again ? {} : known.told;
  return { ...finding, since, fires, starts: fires && !fired ? [...earlier, at] : earlier, told };
}

/** What is not seen any more; undefined where nothing is left of it that matters. */
function away(known: KnownAlert, at: string, now: Date): KnownAlert | undefined {
  const starts = known.starts.filter((start) => age(start, now) < HOUR_MS);
  if (known.resolved !== undefined) {
    const untold = Object.keys(known.told).length > 0 && age(known.resolved, now) < 24 * HOUR_MS;
    return untold || starts.length > 0 ? { ...known, starts } : undefined;
  }
  if (!known.fires) return undefined;
  const good = begunBy(known.good ?? at, now);
  const calm = isFlapping(known) ? CALM_FLAPPING_MS : ROUND_MS;
  return age(good, now) >= calm ? { ...known, starts, good, resolved: at } : { ...known, starts, good };
}

interface Told {
  project: string;
  channel: string;
  settings: Pick<ChannelSettings, 'severities' | 'quiet'>;
  repeatHours: number;
  timezone: string;
  silences: readonly Silence[];
}

/** What a channel is to be told in this round, in one message; undefined where nothing is new to it. */
export function dueFor(
  state: AlertState,
  { project, channel, settings, repeatHours, timezone, silences }: Told,
  now: Date,
): Notification | undefined {
  const wanted = Object.values(state.alerts).filter(
    (alert) => alert.fires && settings.severities.includes(alert.severity) && isNow(settings.quiet, alert, timezone, now),
  );
  const due = wanted.filter((alert) => {
    const last = alert.told[channel];
    if (alert.resolved !== undefined) return last !== undefined;
    // A channel is not told by itself that it fails.
    if (isSilenced(alert, silences, now) || alert.id === channelCheck(channel)) return false;
    return last === undefined || age(last, now) >= repeatHours * HOUR_MS - ROUND_MS;
  });
  return due.length === 0 ? undefined : notification(project, channel, due.map(asAlert));
}

/** The state after a channel was told; `problem` is why it was not accepted. */
export function afterDelivery(state: AlertState, channel: string, told: Notification, problem: string | undefined, now: Date): AlertState {
  const noted = withOutcome(state, channel, problem, now);
  if (problem !== undefined) return noted;
  const at = now.toISOString();
  const alerts = { ...state.alerts };
  for (const { labels } of told.alerts) {
    const known = alerts[labels.alertname ?? ''];
    if (!known) continue;
    const { [channel]: _last, ...others } = known.told;
    alerts[known.id] = { ...known, told: known.resolved === undefined ? { ...others, [channel]: at } : others };
  }
  return { ...noted, alerts };
}

/** Notes how an attempt at a channel, or at the dead man's switch, ended. */
export function withOutcome(state: AlertState, channel: string, problem: string | undefined, now: Date): AlertState {
  const at = now.toISOString();
  const { [channel]: failed, ...failures } = state.failures;
  if (problem === undefined) return { ...state, failures };
  return { ...state, failures: { ...failures, [channel]: { since: failed?.since ?? at, at, message: problem } } };
}

/** The id of the check that a channel fails. */
export const channelCheck = (name: string): string => `alert-channel.${name}`;

export function asAlert(known: KnownAlert): Alert {
  const { id, severity, cause, instance, fix, since, resolved } = known;
  const summary = isFlapping(known) ? `${known.summary} (again and again: ${known.starts.length} times within an hour)` : known.summary;
  return {
    status: resolved === undefined ? 'firing' : 'resolved',
    labels: { alertname: id, severity, cause, ...(instance && { instance }) },
    annotations: { summary, fix },
    startsAt: since,
    endsAt: resolved ?? NO_TIME,
  };
}

/** In quiet times only critical alerts are told. */
function isNow(quiet: ChannelSettings['quiet'], { severity }: Finding, timezone: string, now: Date): boolean {
  if (!quiet || severity === 'critical') return true;
  const time = new Intl.DateTimeFormat('en-GB', { timeZone: timezone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(now);
  const inside = quiet.from < quiet.to ? time >= quiet.from && time < quiet.to : time >= quiet.from || time < quiet.to;
  return !inside;
}

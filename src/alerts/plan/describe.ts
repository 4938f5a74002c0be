import { durationText, utcText } from '../../core/time.ts';
import type { Silence } from './silence.ts';

/** An alert as `alerts --json` prints it. */
export interface AlertView {
  name: string;
  severity: string;
  cause: string;
  instance: string | null;
  summary: string;
  /** What is behind it and what it costs; null for a cause of a rule of your own. */
  why: string | null;
  effect: string | null;
  fix: string | null;
  /** ISO 8601; null where it is not known. */
  since: string | null;
  silenced: boolean;
  /** It follows from another one that fires, and is not told. */
  heldBack: boolean;
}

/** A paragraph for each alert, the root cause first. */
export function describeAlerts(alerts: readonly AlertView[], now: Date): string {
  if (alerts.length === 0) return 'no alert fires';
  return alerts
    .map(({ name, severity, instance, summary, why, effect, fix, since, silenced, heldBack }) => {
      const state = silenced ? ' (silenced)' : heldBack ? ' (follows from another alert, not told)' : '';
      const age = since ? `, for ${durationText((now.getTime() - Date.parse(since)) / 1000)}` : '';
      return [
        `${severity.padEnd(8)}  ${summary}${state}`,
        `          ${name}${instance && !name.endsWith(instance) ? ` of ${instance}` : ''}${age}`,
        ...(why && !heldBack ? [`  Cause:  ${why}`] : []),
        ...(effect && !heldBack ? [`  Effect: ${effect}`] : []),
        ...(fix ? [`  Fix:    ${fix}`] : []),
      ].join('\n');
    })
    .join('\n');
}

const WHAT: Readonly<Record<Silence['label'], string>> = { alertname: 'alert', cause: 'cause', instance: 'service' };

export const silenceRows = (silences: readonly Silence[]): string[][] => [
  ['WHAT', 'UNTIL', 'WHY', 'BY', 'ID'],
  ...silences.map(({ id, label, value, until, why, by }) => [`${WHAT[label]} ${value}`, utcText(until), why, by, id]),
];

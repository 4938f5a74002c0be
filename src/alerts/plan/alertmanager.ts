import type { Json } from '../../core/json.ts';
import { type Alert, rootFirst } from './notification.ts';
import type { Silence, SilenceLabel } from './silence.ts';

/** The answer to one request, as alertctl prints it: an HTTP message. @throws Error where it is none */
export function parseAnswer(text: string): { status: number; body: string } {
  const [, status = ''] = /^HTTP\/\d\.\d (\d{3})/.exec(text) ?? [];
  const end = text.indexOf('\r\n\r\n');
  if (status === '' || end < 0) throw new Error('no answer of Alertmanager');
  return { status: Number(status), body: text.slice(end + 4) };
}

interface ApiAlert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  status: { state: string; silencedBy: string[]; inhibitedBy: string[] };
}

/** An alert, and why it is not told. */
export interface ListedAlert extends Alert {
  silenced: boolean;
  /** It follows from another one that fires. */
  heldBack: boolean;
}

/** An alert as Prometheus has it. */
export interface RuleAlert {
  labels: Record<string, string>;
  /** ISO 8601; since then its expression is false, and `keep_firing_for` alone lets it fire. */
  keepFiringSince?: string;
}

/**
 * Since when its fault is over, though it still fires. Alertmanager has the same labels, and more where Prometheus adds some to all.
 * @returns ISO 8601; undefined where the fault is there, or where Prometheus does not know the alert
 */
export function overSince({ labels }: Alert, known: readonly RuleAlert[]): string | undefined {
  const added = new Set(['severity', 'cause']);
  const same = known.filter((rule) => Object.entries(rule.labels).every(([name, value]) => added.has(name) || labels[name] === value));
  return same.length === 1 ? same[0]?.keepFiringSince : undefined;
}

/** What fires, the root first; without the one that always does, and tests. */
export function alertsOf(body: Json, test: string): ListedAlert[] {
  const all = (body as unknown as ApiAlert[]).map(
    ({ labels, annotations, startsAt, endsAt, status }): ListedAlert => ({
      status: 'firing',
      labels,
      annotations,
      startsAt,
      endsAt,
      silenced: status.silencedBy.length > 0,
      heldBack: status.inhibitedBy.length > 0,
    }),
  );
  return rootFirst(all.filter(({ labels }) => labels.severity !== 'none' && labels.alertname !== test)) as ListedAlert[];
}

interface ApiSilence {
  id: string;
  comment: string;
  createdBy: string;
  endsAt: string;
  status: { state: string };
  matchers: { name: string; value: string }[];
}

export const silencesOf = (body: Json): Silence[] =>
  (body as unknown as ApiSilence[])
    .filter(({ status }) => status.state !== 'expired')
    .map(({ id, comment, createdBy, endsAt, matchers: [matcher] }) => ({
      id,
      label: (matcher?.name ?? 'alertname') as SilenceLabel,
      value: matcher?.value ?? '',
      until: endsAt,
      why: comment,
      by: createdBy,
    }));

export const silenceBody = ({ label, value, until, why, by }: Omit<Silence, 'id'>, now: Date): Json => ({
  matchers: [{ name: label, value, isRegex: false, isEqual: true }],
  startsAt: now.toISOString(),
  endsAt: until,
  createdBy: by,
  comment: why,
});

/** Attempts at one receiver since Alertmanager has started. */
export interface Attempts {
  total: number;
  failed: number;
}

/** By receiver, from its metrics (`receiver-name-in-metrics`). */
export function attemptsOf(metrics: string): Record<string, Attempts> {
  const attempts: Record<string, Attempts> = {};
  const line = /^alertmanager_notification_requests_(failed_)?total\{([^}]*)\} (\S+)$/gm;
  for (const [, failed, labels = '', value] of metrics.matchAll(line)) {
    const name = /receiver_name="([^"]*)"/.exec(labels)?.[1];
    if (name === undefined) continue;
    const known = attempts[name] ?? { total: 0, failed: 0 };
    known[failed ? 'failed' : 'total'] += Number(value);
    attempts[name] = known;
  }
  return attempts;
}

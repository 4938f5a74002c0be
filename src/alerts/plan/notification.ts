import type { Json } from '../../core/json.ts';
import { causeRank } from '../../services/shared/alert-causes.ts';

/** One alert, in the shape of Alertmanager's webhook (its manual, "webhook_config", version 4). */
export interface Alert {
  status: 'firing' | 'resolved';
  /** `alertname`, `severity` and `cause`; `instance` where it is about one container. */
  labels: Readonly<Record<string, string>>;
  /** `summary` and `fix`. */
  annotations: Readonly<Record<string, string>>;
  startsAt: string;
  /** Of one that still fires it means nothing: `NO_TIME`. */
  endsAt: string;
}

/** The time that stands for none in Alertmanager’s messages (Go’s zero time). */
export const NO_TIME = '0001-01-01T00:00:00Z';

/** What one channel is told at once. */
export interface Notification {
  project: string;
  receiver: string;
  /** `firing` if any of them does. */
  status: Alert['status'];
  /** The root cause first. */
  alerts: readonly Alert[];
  /** How many more there are than it names. */
  truncated: number;
}

const SEVERITY_RANK: Readonly<Record<string, number>> = { critical: 0, warning: 1, info: 2 };
const rankOf = ({ status, labels }: Alert): number[] => [
  status === 'firing' ? 0 : 1,
  SEVERITY_RANK[labels.severity ?? ''] ?? 3,
  causeRank(labels.cause ?? ''),
];

/** What fires before what is over, the critical ones first, and of these the root cause. */
export function rootFirst(alerts: readonly Alert[]): Alert[] {
  return [...alerts].sort((a, b) => {
    const [one, other] = [rankOf(a), rankOf(b)];
    const at = one.findIndex((rank, index) => rank !== other[index]);
    return at < 0 ? 0 : (one[at] as number) - (other[at] as number);
  });
}

export function notification(project: string, receiver: string, alerts: readonly Alert[], truncated = 0): Notification {
  const firing = alerts.some(({ status }) => status === 'firing');
  return { project, receiver, status: firing ? 'firing' : 'resolved', alerts: rootFirst(alerts), truncated };
}

/** Reads what Alertmanager sends. @throws Error for anything else */
export function parseNotification(body: Json, project: string): Notification {
  const { receiver, alerts, truncatedAlerts } = body as { receiver?: unknown; alerts?: unknown; truncatedAlerts?: unknown };
  if (typeof receiver !== 'string' || !Array.isArray(alerts)) throw new Error('not a notification of Alertmanager');
  return notification(project, receiver, alerts.map(parseAlert), typeof truncatedAlerts === 'number' ? truncatedAlerts : 0);
}

function parseAlert(value: unknown): Alert {
  const { status, labels, annotations, startsAt, endsAt } = value as Partial<Alert>;
  if (typeof labels !== 'object' || labels === null) throw new Error('an alert without labels');
  return {
    status: status === 'resolved' ? 'resolved' : 'firing',
    labels,
    annotations: annotations ?? {},
    startsAt: String(startsAt ?? ''),
    endsAt: endsAt ? String(endsAt) : NO_TIME,
  };
}

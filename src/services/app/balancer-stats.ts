/** What the balancer says about one replica. */
export interface ReplicaTraffic {
  /** `UP`, `DOWN`, `MAINT` (taken out), `DRAIN`, with HAProxy's own additions such as `UP 1/2`. */
  state: string;
  requestsPerSecond: number;
  requests: number;
  /** Under way now, and waiting for their turn. */
  active: number;
  queued: number;
  failed: number;
  /** The last check: `L7OK`, `L7STS`, `L4CON`, ... */
  check: string;
}

/** HAProxy's `show stat` (management guide, 9.1) -> replica -> its traffic. Replicas that are switched off are left out. */
export function parseBalancerStats(csv: string): Record<string, ReplicaTraffic> {
  const replicas = rowsOf(csv).filter(({ text }) => !['FRONTEND', 'BACKEND', ''].includes(text('svname')));
  return Object.fromEntries(
    replicas.map(({ text, number }) => [
      text('svname'),
      {
        state: text('status'),
        requestsPerSecond: number('rate'),
        requests: number('stot'),
        active: number('scur'),
        queued: number('qcur'),
        failed: number('econ') + number('eresp'),
        check: text('check_status').replace(/^\* /, ''),
      },
    ]),
  );
}

/** What a replica was sent since HAProxy began to count, and how much of it failed. */
export interface ReplicaCount {
  requests: number;
  /** Answered with 5xx, or not at all. */
  errors: number;
}

/** @returns undefined for a text that is no statistics of the application */
export function parseReplicaCounts(csv: string): Record<string, ReplicaCount> | undefined {
  const rows = rowsOf(csv);
  if (!rows.some(({ text }) => text('svname') === 'BACKEND')) return undefined;
  const replicas = rows.filter(({ text }) => !['FRONTEND', 'BACKEND', ''].includes(text('svname')));
  return Object.fromEntries(
    replicas.map(({ text, number }) => {
      const lost = number('econ') + number('eresp');
      const answered = ['hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx', 'hrsp_other'].reduce(
        (sum, name) => sum + number(name),
        0,
      );
      return [text('svname'), { requests: answered + lost, errors: number('hrsp_5xx') + lost }];
    }),
  );
}

/** How busy the replicas of `app` are, which autoscaling is about. */
export interface BalancerLoad {
  /** Those that the balancer sends requests to. */
  replicas: Readonly<Record<string, ReplicaLoad>>;
  /** Requests that wait for whichever replica is free first. */
  waiting: number;
}

export interface ReplicaLoad {
  /** Under way now, and waiting for this replica. */
  inFlight: number;
  /** Since HAProxy was started. */
  requests: number;
  /** Until an answer begins, waiting included: HAProxy's sliding average over its last 512 requests. */
  averageMs: number;
}

/** @returns undefined for a text that is no statistics of the application: "no replica" is another thing */
export function parseBalancerLoad(csv: string): BalancerLoad | undefined {
  const rows = rowsOf(csv).filter(({ text }) => text('pxname') === 'app');
  const backend = rows.find(({ text }) => text('svname') === 'BACKEND');
  if (!backend) return undefined;
  const serving = rows.filter(({ text }) => text('svname') !== 'BACKEND' && text('status').startsWith('UP'));
  const loads = serving.map(({ text, number }) => [
    text('svname'),
    {
      inFlight: number('scur') + number('qcur'),
      requests: number('stot'),
      averageMs: number('qtime') + number('ctime') + number('rtime'),
    },
  ]);
  return { replicas: Object.fromEntries(loads), waiting: backend.number('qcur') };
}

interface Row {
  text(column: string): string;
  number(column: string): number;
}

function rowsOf(csv: string): Row[] {
  const [header = '', ...lines] = csv.split('\n').filter(Boolean);
  const columns = header.replace(/^# /, '').split(',');
  return lines.map((line): Row => {
    const values = line.split(',');
    const text = (name: string) => values[columns.indexOf(name)] ?? '';
    return { text, number: (name) => Number(text(name)) || 0 };
  });
}

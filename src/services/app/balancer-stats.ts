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
  const [header = '', ...lines] = csv.split('\n').filter(Boolean);
  const columns = header.replace(/^# /, '').split(',');
  const traffic: Record<string, ReplicaTraffic> = {};
  for (const line of lines) {
    const values = line.split(',');
    const text = (name: string) => values[columns.indexOf(name)] ?? '';
    const number = (name: string) => Number(text(name)) || 0;
    if (text('pxname') !== 'app' || text('svname') === 'BACKEND') continue;
    traffic[text('svname')] = {
      state: text('status'),
      requestsPerSecond: number('rate'),
      requests: number('stot'),
      active: number('scur'),
      queued: number('qcur'),
      failed: number('econ') + number('eresp'),
      check: text('check_status').replace(/^\* /, ''),
    };
  }
  return traffic;
}

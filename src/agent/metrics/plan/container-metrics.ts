import { counter, gauge, type Metric } from '../../../core/metrics-text.ts';

/** What the engine says of one container at one moment (`/containers/NAME/stats`, one-shot). cgroup v1 and v2 name memory differently. */
export interface RawStats {
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
  memory_stats?: { usage?: number; limit?: number; stats?: { total_inactive_file?: number; inactive_file?: number } };
  pids_stats?: { current?: number };
  /** Absent where it has no network. */
  networks?: Record<string, { rx_bytes?: number; tx_bytes?: number }>;
}

/** What a running container uses. */
export interface Usage {
  memoryBytes: number | undefined;
  memoryLimitBytes: number | undefined;
  cpuSeconds: number | undefined;
  pids: number | undefined;
  receivedBytes: number | undefined;
  sentBytes: number | undefined;
}

/** What was read of one container. */
export interface Reading {
  service: string;
  state: string;
  health: 'healthy' | 'unhealthy' | 'starting' | 'none';
  /** How often the engine's restart policy has started it again, and when it was last started (seconds since 1970). */
  restarts: number;
  startedAt: number;
  /** What its health check printed last. */
  said?: string;
  /** Only of one that runs. */
  usage: Usage | undefined;
}

/** Memory without what the kernel may drop, as `docker stats` counts; what the engine does not say is left out. */
export function usageOf({ cpu_stats, memory_stats, pids_stats, networks }: RawStats): Usage {
  const { usage, limit, stats } = memory_stats ?? {};
  const droppable = stats?.total_inactive_file ?? stats?.inactive_file ?? 0;
  const cpu = cpu_stats?.cpu_usage?.total_usage;
  const sum = (key: 'rx_bytes' | 'tx_bytes') =>
    networks && Object.values(networks).reduce((total, network) => total + (network[key] ?? 0), 0);
  return {
    memoryBytes: usage === undefined ? undefined : Math.max(0, usage - droppable),
    memoryLimitBytes: limit,
    cpuSeconds: cpu === undefined ? undefined : cpu / 1e9,
    pids: pids_stats?.current,
    receivedBytes: sum('rx_bytes'),
    sentBytes: sum('tx_bytes'),
  };
}

/** For Prometheus: one series of each metric for each service. @param oomKills by service, of those that had one */
export function containerMetrics(readings: readonly Reading[], oomKills: Readonly<Record<string, number>>): Metric[] {
  const each = (value: (reading: Reading) => number | undefined): Metric['samples'] =>
    readings.flatMap((reading) => {
      const known = value(reading);
      return known === undefined ? [] : [{ labels: { service: reading.service }, value: known }];
    });
  const used = (key: keyof Usage) => each(({ usage }) => usage?.[key]);
  const name = (text: string) => `medianest_container_${text}`;
  return [
    gauge(
      name('running'),
      'Whether it runs.',
      each(({ state }) => (state === 'running' ? 1 : 0)),
    ),
    gauge(
      name('healthy'),
      'Whether its health check is content; none where it has no health check, or does not run.',
      each(({ state, health }) => (state !== 'running' || health === 'none' ? undefined : health === 'healthy' ? 1 : 0)),
    ),
    gauge(
      name('start_time_seconds'),
      'When it was last started.',
      each(({ startedAt }) => startedAt),
    ),
    counter(
      name('restarts_total'),
      'How often the restart policy has started it again.',
      each(({ restarts }) => restarts),
    ),
    counter(
      name('oom_kills_total'),
      'How often the kernel killed a process in it for memory.',
      each(({ service }) => oomKills[service] ?? 0),
    ),
    gauge(name('memory_bytes'), 'Memory that it uses, without what the kernel may drop.', used('memoryBytes')),
    gauge(name('memory_limit_bytes'), 'Memory that it may use.', used('memoryLimitBytes')),
    counter(name('cpu_seconds_total'), 'Processor time that it has used.', used('cpuSeconds')),
    counter(name('network_receive_bytes_total'), 'What it has received, in all its networks.', used('receivedBytes')),
    counter(name('network_transmit_bytes_total'), 'What it has sent, in all its networks.', used('sentBytes')),
    gauge(name('pids'), 'Its processes and threads.', used('pids')),
  ];
}

import { counter, gauge, type Metric, single } from '../../../core/metrics-text.ts';
import type { Tally } from '../tally.ts';

/** For Prometheus: what the agent does, and whether its loops keep their time. @param healing the setting `agent.healing` */
export function agentMetrics(
  { actions, healed, loops, held, holds, failedReads }: Tally,
  { healing, services, readAt }: { healing: string; services: readonly string[]; readAt: number | undefined },
): Metric[] {
  const byKey = (counts: Readonly<Record<string, number>>, label: string): Metric['samples'] =>
    Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value }));
  const ofLoops = (value: (loop: Tally['loops'][string]) => number): Metric['samples'] =>
    Object.entries(loops).map(([loop, entry]) => ({ labels: { loop }, value: value(entry) }));
  return [
    counter('medianest_agent_actions_total', 'What the agent did, by kind.', byKey(actions, 'action')),
    counter(
      'medianest_agent_healed_total',
      'How often the agent started or restarted a container.',
      byKey({ ...Object.fromEntries(services.map((service) => [service, 0])), ...healed }, 'service'),
    ),
    gauge('medianest_agent_healing', 'The setting agent.healing.', [{ labels: { mode: healing }, value: 1 }]),
    gauge(
      'medianest_agent_loop_seconds',
      'How long the last round of a loop took.',
      ofLoops(({ seconds }) => seconds),
    ),
    gauge(
      'medianest_agent_loop_timestamp_seconds',
      'When a loop last came to the end of a round.',
      ofLoops(({ endedAt }) => endedAt),
    ),
    counter(
      'medianest_agent_loop_failures_total',
      'Rounds of a loop that failed.',
      ofLoops(({ failures }) => failures),
    ),
    single('medianest_agent_held', 'Whether a command holds healing back.', held ? 1 : 0),
    counter('medianest_agent_holds_total', 'How often a command held healing back.', [{ value: holds }]),
    counter('medianest_agent_failed_reads_total', 'Questions to the engine about containers that failed.', [{ value: failedReads }]),
    single('medianest_agent_containers_timestamp_seconds', 'When the engine last told of the containers.', readAt),
  ];
}

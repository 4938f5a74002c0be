import { metricsText } from '../../core/metrics-text.ts';
import type { AgentConfig, MetricsAddress } from '../config.ts';
import { containerReader, type ReaderEffects } from './containers.ts';
import { agentMetrics } from './plan/agent-metrics.ts';
import { containerMetrics } from './plan/container-metrics.ts';
import { figureMetrics } from './plan/figures.ts';
import { logMetrics } from './plan/log-metrics.ts';
import { serveMetrics } from './serve.ts';
import type { Tally } from './tally.ts';

interface Telling extends Omit<ReaderEffects, 'failed'> {
  tally: Tally;
  tell(topic: string, what: string): void;
}

/** Tells Prometheus of the containers, as the engine does, and of the agent itself, until it is stopped. */
export function tellMetrics(config: AgentConfig, address: MetricsAddress, effects: Telling, signal: AbortSignal): Promise<void> {
  const { tally, tell } = effects;
  const read = containerReader({ ...effects, failed: () => tally.failedReads++ });
  const text = async () => {
    const { readings, readAt } = await read();
    return metricsText([
      ...containerMetrics(readings, tally.oomKills),
      ...figureMetrics(readings, address.figures ?? {}),
      ...agentMetrics(tally, {
        healing: config.healing,
        services: readings.map(({ service }) => service),
        readAt: readAt === undefined ? undefined : (Date.now() - (effects.now() - readAt)) / 1000,
      }),
      ...(config.logs && tally.logs ? logMetrics(tally.logs) : []),
    ]);
  };
  return serveMetrics(address, text, (what) => tell('metrics', what), signal);
}

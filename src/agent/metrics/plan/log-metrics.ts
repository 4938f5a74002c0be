import { counter, type Metric, single } from '../../../core/metrics-text.ts';
import type { LogTally } from '../../logs/log-tally.ts';

/** For Prometheus: the lines of containers, from the engine to the log store. */
export function logMetrics({ kept, shipped, dropped, retried, cut, bytes, lagSeconds, spans, up }: LogTally): Metric[] {
  const name = (text: string) => `medianest_logs_${text}`;
  return [
    counter(name('kept_total'), 'Lines that were written to disk.', [{ value: kept }]),
    counter(name('shipped_total'), 'Lines that the log store has taken.', [{ value: shipped }]),
    counter(
      name('dropped_total'),
      'Lines that are lost: the buffer was full, or the store refused them.',
      Object.entries(dropped).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    counter(name('retried_total'), 'Lines that were sent again.', [{ value: retried }]),
    counter(name('cut_total'), 'Lines of more than 1 MiB, of which the beginning was kept.', [{ value: cut }]),
    counter(
      name('spans_total'),
      'Spans that were made of lines of edge and balancer, by what became of them.',
      Object.entries(spans).map(([result, value]) => ({ labels: { result }, value })),
    ),
    single(name('bytes'), 'Bytes of lines on disk: files that are kept, or what waits for the store.', bytes),
    single(name('lag_seconds'), 'How long the oldest line waits that is not stored.', lagSeconds),
    single(name('store_up'), 'Whether lines were stored at the last attempt.', up ? 1 : 0),
  ];
}

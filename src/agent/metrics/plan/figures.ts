import type { Metric } from '../../../core/metrics-text.ts';
import type { Figure } from '../../../stack/metrics.ts';
import type { Reading } from './container-metrics.ts';

/** Series of one figure that are taken at most. */
const MOST = 8;

/** A line of Prometheus's text format: a name, one label at most (`__name__` would make it another metric), and a number that is not negative. */
const LINE = /^([a-z_]+)(?:\{([a-z][a-z_]*)="([a-z0-9_.-]*)"\})? (\d{1,15}(?:\.\d{1,9})?)$/;

/**
 * For Prometheus: what containers print with their health. A container that does not run, or prints something else, has none.
 * @param figures by service, those that it may print: it can pose as no other one
 */
export function figureMetrics(readings: readonly Reading[], figures: Readonly<Record<string, readonly Figure[]>>): Metric[] {
  return readings.flatMap(({ service, state, said = '' }) => {
    const own = Object.hasOwn(figures, service) ? (figures[service] ?? []) : [];
    if (own.length === 0 || state !== 'running') return [];
    const lines = said.split('\n').flatMap((line) => {
      const [, name, label, text = '', value] = LINE.exec(line.trimEnd()) ?? [];
      return name === undefined ? [] : [{ name, labels: { ...(label !== undefined && { [label]: text }), service }, value: Number(value) }];
    });
    return own.map(
      ({ name, help }): Metric => ({
        name,
        help,
        type: name.endsWith('_total') ? 'counter' : 'gauge',
        // Prometheus refuses what tells a series twice.
        samples: [...new Map(lines.filter((line) => line.name === name).map((line) => [JSON.stringify(line.labels), line])).values()].slice(
          0,
          MOST,
        ),
      }),
    );
  });
}

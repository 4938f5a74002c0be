/** A metric with its series, as Prometheus reads it. */
export interface Metric {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  samples: readonly { labels?: Readonly<Record<string, string>>; value: number }[];
}

export const gauge = (name: string, help: string, samples: Metric['samples']): Metric => ({ name, help, type: 'gauge', samples });

export const counter = (name: string, help: string, samples: Metric['samples']): Metric => ({ name, help, type: 'counter', samples });

/** A metric that has one series, without labels; none where there is no value. */
export const single = (name: string, help: string, value: number | undefined): Metric =>
  gauge(name, help, value === undefined ? [] : [{ value }]);

/** Prometheus's text format. Metrics without a series are left out: what is not known is not said. */
export function metricsText(metrics: readonly Metric[]): string {
  const lines = metrics.flatMap(({ name, help, type, samples }) => {
    const known = samples.filter(({ value }) => !Number.isNaN(value));
    if (known.length === 0) return [];
    return [
      `# HELP ${name} ${escaped(help)}`,
      `# TYPE ${name} ${type}`,
      ...known.map(({ labels = {}, value }) => `${name}${labelText(labels)} ${value}`),
    ];
  });
  return lines.map((line) => `${line}\n`).join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

import type { MetricsSource } from '../../stack/metrics.ts';
import type { Blueprint, NetworkName } from '../../stack/types.ts';

type ScrapeTarget = {
  address: string;
  /** Labels of its series; `__param_x` is a parameter of the scrape (Prometheus’s manual, "relabel_config"). */
  labels: Record<string, string>;
};

/** One entry of `scrape_configs`. */
export type ScrapeJob = {
  name: string;
  path: string;
  tls: boolean;
  keep: string | null;
  targets: ScrapeTarget[];
};

type Source = Pick<Blueprint, 'name' | 'host' | 'oneOff' | 'metrics'>;

function targetsOf(
  { name, host }: Source,
  source: MetricsSource,
  addressOf: (network: NetworkName, host: number) => string,
): ScrapeTarget[] {
  const address = `${addressOf(source.network, host)}:${source.port}`;
  if (!source.about) return [{ address, labels: { instance: name } }];
  return source.about.map(({ instance, params }) => ({
    address,
    labels: { instance, ...Object.fromEntries(Object.entries(params).map(([key, value]) => [`__param_${key}`, value])) },
  }));
}

/**
 * All that the blueprints say is to be scraped, by job. Containers of a job are alike: how they are asked is what the first of
 * them says.
 */
export function scrapeJobs(built: readonly Source[], addressOf: (network: NetworkName, host: number) => string): ScrapeJob[] {
  const jobs = new Map<string, ScrapeJob>();
  for (const service of built.filter(({ oneOff }) => !oneOff)) {
    for (const source of service.metrics ?? []) {
      const { job, path = '/metrics', tls = false, keep = null } = source;
      const entry = jobs.get(job) ?? { name: job, path, tls, keep, targets: [] };
      entry.targets.push(...targetsOf(service, source, addressOf));
      jobs.set(job, entry);
    }
  }
  return [...jobs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

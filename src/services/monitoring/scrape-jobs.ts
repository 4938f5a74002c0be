import type { MetricsSource } from '../../stack/metrics.ts';
import type { Blueprint, NetworkName } from '../../stack/types.ts';

type ScrapeTarget = {
  address: string;
  /** Labels of its series; `__param_x` is a parameter of the scrape (Prometheus’s manual, "relabel_config"). */
  labels: Record<string, string>;
};

/** One entry of `scrape_configs`. */
type ScrapeJob = {
  name: string;
  path: string;
  tls: boolean;
  serverName: string | null;
  keep: string | null;
  most: number | null;
  targets: ScrapeTarget[];
  /** Containers that are found by this name, at this port; only these addresses count. None in a job that has targets. */
  foundBy: string | null;
  foundAt: number;
  members: { name: string; address: string }[];
};

export type Source = Pick<Blueprint, 'name' | 'host' | 'oneOff' | 'metrics'>;

/** What the containers say is to be scraped of them, each with its container; what an exporter is asked only where it is there. */
export function sourcesOf<S extends Source>(built: readonly S[]): { service: S; source: MetricsSource }[] {
  const names = new Set(built.map(({ name }) => name));
  return built
    .filter(({ oneOff }) => !oneOff)
    .flatMap((service) => (service.metrics ?? []).map((source) => ({ service, source })))
    .filter(({ source }) => source.via === undefined || names.has(source.via));
}

/** By job. Its containers are alike: how they are asked is what the first of them says. */
export function scrapeJobs(built: readonly Source[], addressOf: (network: NetworkName, host: number) => string): ScrapeJob[] {
  const jobs = new Map<string, ScrapeJob>();
  for (const { service, source } of sourcesOf(built)) {
    const { job, path = '/metrics', tls = false, serverName = null, keep = null, most = null, via, params = {}, labels = {} } = source;
    const asked = built.find(({ name }) => name === via) ?? service;
    const found = { foundBy: source.group?.name ?? null, foundAt: source.port, members: membersOf(source, addressOf) };
    const entry = jobs.get(job) ?? { name: job, path, tls, serverName, keep, most, targets: [], ...found };
    jobs.set(job, entry);
    if (source.group) continue;
    entry.targets.push({
      address: `${addressOf(source.network, asked.host)}:${source.port}`,
      labels: {
        instance: service.name,
        ...labels,
        ...(via && { via }),
        ...Object.fromEntries(Object.entries(params).map(([key, value]) => [`__param_${key}`, value])),
      },
    });
  }
  return [...jobs.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

const membersOf = (
  { network, port, group }: MetricsSource,
  addressOf: (network: NetworkName, host: number) => string,
): ScrapeJob['members'] => (group?.members ?? []).map(({ name, host }) => ({ name, address: `${addressOf(network, host)}:${port}` }));

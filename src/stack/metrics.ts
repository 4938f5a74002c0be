import type { NetworkName } from './networks.ts';

/** What Prometheus scrapes of a container. A blueprint says it, so that a new service brings its own (docs/monitoring.md). */
export interface MetricsSource {
  /** The job that its series carry: one for all containers of a kind. */
  job: string;
  /** Where Prometheus reaches it. */
  network: NetworkName;
  port: number;
  /** `/metrics` where it is not said. */
  path?: string;
  /** Over TLS, checked by the internal CA; Prometheus shows its own certificate if it is asked for one. */
  tls?: boolean;
  /** An exporter that tells about others: one scrape for each, with what it is asked. */
  about?: { instance: string; params: Record<string, string> }[];
  /** A regular expression for names of metrics: no others are stored. All are where it is not said. */
  keep?: string;
}

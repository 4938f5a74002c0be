import type { NetworkName } from './networks.ts';

/** What Prometheus scrapes of a container. A blueprint says it, so that a new service brings its own (docs/monitoring.md). */
export interface MetricsSource {
  /** The job that its series carry: one for all containers of a kind, which are all asked in the same way. */
  job: string;
  /** Where Prometheus reaches it, or the exporter. */
  network: NetworkName;
  port: number;
  /** `/metrics` where it is not said. */
  path?: string;
  /** Over TLS, checked by the internal CA; Prometheus shows its own certificate if it is asked for one. */
  tls?: boolean;
  /** The name in its certificate, where that has none for its address. */
  serverName?: string;
  /** Containers that come and go without a change of Prometheus's configuration: a name of the network that leads to all of them, and who has which number. */
  group?: { name: string; members: { name: string; host: number }[] };
  /** Series that one scrape may bring at most; of one that brings more, nothing is stored. */
  most?: number;
  /** The container that is asked in its place: an exporter. */
  via?: string;
  /** What the exporter is asked. */
  params?: Record<string, string>;
  /** What tells its series apart from others of the same container. */
  labels?: Record<string, string>;
  /** A regular expression for names of metrics: no others are stored. All are where it is not said. */
  keep?: string;
}

/** A metric of a container that is reached by no network: its health check prints it, and the agent passes it on. */
export interface Figure {
  /** Of Prometheus; one that ends with `_total` is a counter. */
  name: string;
  help: string;
}

/** What is measured of a container. */
export interface Measured {
  /** What Prometheus scrapes of it. */
  metrics?: MetricsSource[];
  /** What its health check prints besides the verdict, in Prometheus's text format: the agent passes on these alone. */
  figures?: Figure[];
}

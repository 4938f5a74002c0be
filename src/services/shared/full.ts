import type { CoreSettings } from '../../settings/core.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { MONITORING_HOSTS } from './monitoring.ts';

/** What `observability: full` adds to `light`. */
export type FullComponent = 'grafana' | 'elasticsearch' | 'kibana' | 'jaeger';

const ELASTICSEARCH_PORT = 9200;
/** Of their pages, in the network `monitoring`. */
export const PAGE_PORTS = { grafana: 3000, kibana: 5601, jaeger: 16_686 };
/** OTLP over HTTP with protobuf or JSON, and over gRPC (opentelemetry.io/docs/specs/otlp). */
export const OTLP_PORTS = { http: 4318, grpc: 4317 };

export const isFull = ({ observability }: Pick<CoreSettings, 'observability'>): boolean => observability === 'full';

/** Whether this component is part of the stack, also for services that are built before it. */
export const hasFull = ({ settings }: Pick<BuildInput, 'settings'>, component: FullComponent): boolean =>
  settings.components[component] ?? isFull(settings);

/** What is pulled: the version that this version of medianest is made for, and what it takes on the engine's disk, about. */
export const PUBLISHED: Readonly<Record<FullComponent, { ref: string; bytes: number }>> = {
  grafana: { ref: 'grafana/grafana:12.4.4', bytes: 750e6 },
  elasticsearch: { ref: 'docker.elastic.co/elasticsearch/elasticsearch:9.3.1', bytes: 1500e6 },
  kibana: { ref: 'docker.elastic.co/kibana/kibana:9.3.1', bytes: 1500e6 },
  jaeger: { ref: 'jaegertracing/jaeger:2.17.0', bytes: 150e6 },
};

/** Whether it will run: it is part of the stack, and not left out for want of its image. */
export const runsFull = (input: Pick<BuildInput, 'settings' | 'pulled' | 'lacks'>, component: FullComponent): boolean =>
  hasFull(input, component) && !input.lacks(component, input.pulled(component, PUBLISHED[component]));

/** The users of Elasticsearch, each with a password of its own. `logs` is the log shipper's; the name `kibana` is one that Elasticsearch reserves. */
export type ElasticsearchUser = 'admin' | 'kibana-server' | 'grafana' | 'logs';

export const elasticsearchPassword = (user: ElasticsearchUser): SecretSpec => ({
  name: `elasticsearch-${user}-password`,
  source: { generate: true },
});

/** The indices that hold logs, and the data stream that a project's logs go to. */
export const LOG_INDICES = 'logs-medianest-*';

/** Where Elasticsearch listens, in the network `monitoring` alone. */
export const elasticsearchListen = (input: Pick<BuildInput, 'address'>): { address: string; port: number } => ({
  address: input.address('monitoring', MONITORING_HOSTS.elasticsearch),
  port: ELASTICSEARCH_PORT,
});

/** Where Elasticsearch of this stack takes logs, and as whom; undefined where it is not part of the stack. */
export const logStore = (
  input: Pick<BuildInput, 'settings' | 'address'>,
  user: ElasticsearchUser = 'logs',
): { url: string; user: ElasticsearchUser; password: SecretSpec } | undefined => {
  if (!hasFull(input, 'elasticsearch')) return undefined;
  const { address, port } = elasticsearchListen(input);
  return { url: `http://${address}:${port}`, user, password: elasticsearchPassword(user) };
};

/**
 * Where Jaeger of this stack takes spans by OTLP over HTTP; undefined where it does not run.
 * @param network `app` for the application, `monitoring` for all that is in that network
 */
export const traceEndpoint = (input: BuildInput, network: 'app' | 'monitoring'): string | undefined =>
  runsFull(input, 'jaeger') ? `http://${input.address(network, MONITORING_HOSTS.jaeger)}:${OTLP_PORTS.http}` : undefined;

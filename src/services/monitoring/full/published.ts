import type { BuildInput, ServiceDefinition } from '../../../stack/service.ts';
import type { Blueprint } from '../../../stack/types.ts';
import { type FullComponent, isFull } from '../../shared/full.ts';
import { MONITORING_HOSTS } from '../../shared/monitoring.ts';

/** What is pulled: the version that this version of medianest is made for, and what it takes on the engine's disk, about. */
const PUBLISHED: Readonly<Record<FullComponent, { ref: string; bytes: number }>> = {
  grafana: { ref: 'grafana/grafana:12.4.4', bytes: 750e6 },
  elasticsearch: { ref: 'docker.elastic.co/elasticsearch/elasticsearch:9.3.1', bytes: 1500e6 },
  kibana: { ref: 'docker.elastic.co/kibana/kibana:9.3.1', bytes: 1500e6 },
  jaeger: { ref: 'jaegertracing/jaeger:2.17.0', bytes: 150e6 },
};

/** What the definitions of all four have in common. */
export const fullPart: Pick<ServiceDefinition, 'askedFor'> = { askedFor: isFull };

type Special = Omit<Blueprint, 'name' | 'image' | 'host' | 'ports' | 'networks' | 'urls' | 'environment'> &
  Partial<Pick<Blueprint, 'networks' | 'environment'>>;

/** What all four have in common: they are pulled, publish no port, and the stack works without them. */
export const published = (name: FullComponent, special: Special, input: BuildInput): Blueprint => ({
  name,
  image: input.pulled(name, PUBLISHED[name]),
  host: MONITORING_HOSTS[name],
  networks: ['monitoring'],
  ports: [],
  urls: [],
  environment: {},
  ...special,
});

import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint } from '../../stack/types.ts';
import { MONITORING_HOSTS } from '../shared/monitoring.ts';

/** Owns the data of Prometheus in the image that it shares with the exporters. */
export const PROMETHEUS_UID = 10020;

type ExporterName = Exclude<keyof typeof MONITORING_HOSTS, 'prometheus'>;

interface Exporter extends Partial<Blueprint> {
  name: ExporterName;
  uid: number;
  port: number;
  /** Answers 200 while it can work. */
  healthPath: string;
  memoryBytes: number;
  cpus: number;
}

/** Where an exporter listens: in the network of monitoring alone, also if it is in another one too. */
export const listenAddress = (name: ExporterName, port: number, input: BuildInput): string =>
  `${input.address('monitoring', MONITORING_HOSTS[name])}:${port}`;

/** What all exporters have in common. They have no state and start within a second, so a change replaces the container. */
export function exporter({ port, healthPath, ...own }: Exporter, input: BuildInput): Blueprint {
  const listen = listenAddress(own.name, port, input);
  return {
    image: input.image('prometheus'),
    host: MONITORING_HOSTS[own.name],
    networks: ['monitoring'],
    ports: [],
    mounts: [],
    secrets: [],
    after: [],
    interruption: 'none: meanwhile its metrics are missing',
    urls: [],
    ...own,
    environment: {
      HEALTH_URL: `${listen}${healthPath}`,
      GOMEMLIMIT: `${Math.floor(own.memoryBytes * 0.75)}B`,
      ...own.environment,
    },
    view: { listen, ...own.view },
    keeps: { '/tmp': 'nothing lasting; programs expect it', '/run': 'nothing; the same in every container', ...own.keeps },
  };
}

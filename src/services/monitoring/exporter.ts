import * as z from 'zod';
import type { CoreSettings } from '../../settings/core.ts';
import { cpus, memory } from '../../settings/fields.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint } from '../../stack/types.ts';
import { MONITORING_HOSTS, monitored } from '../shared/monitoring.ts';

/** Owns the data of Prometheus, in the image that it shares with the exporters. */
export const PROMETHEUS_UID = 10020;

/** The same for all exporters: they are alike in what they need. */
const exporterSettings = z.strictObject({
  memory: memory('48m').describe('Memory limit of each exporter'),
  cpus: cpus(0.5).describe('Processors that each may use at most; never more than the host has'),
});

type ExporterSettings = z.output<typeof exporterSettings>;
type ExporterName = Extract<keyof typeof MONITORING_HOSTS, `${string}-exporter`>;

/** What the definitions of all exporters have in common. */
export const exporterPart = {
  key: 'exporters',
  keySummary: 'What all exporters of metrics have in common',
  settings: exporterSettings,
  askedFor: (core: CoreSettings) => monitored({ settings: core }),
};

interface Exporter extends Partial<Blueprint> {
  name: ExporterName;
  uid: number;
  port: number;
  /** Answers 200 while it can work. */
  healthPath: string;
}

/** Of the containers, those that an exporter is asked about, with what it is asked. */
export const asked = (name: ExporterName, built: readonly Blueprint[]) =>
  built.flatMap((service) => (service.metrics ?? []).filter(({ via }) => via === name).map((source) => ({ service, source })));

/** What all exporters have in common. They have no state and start within a second, so a change replaces the container. */
export function exporter({ port, healthPath, ...special }: Exporter, own: ExporterSettings, input: BuildInput): Blueprint {
  const host = MONITORING_HOSTS[special.name];
  // It listens in `monitoring` alone, also where it joins another network to query services there.
  const listen = `${input.address('monitoring', host)}:${port}`;
  return {
    image: input.image('prometheus'),
    host,
    networks: ['monitoring'],
    ports: [],
    mounts: [],
    secrets: [],
    memoryBytes: own.memory,
    cpus: own.cpus,
    after: [],
    interruption: 'none: meanwhile its metrics are missing',
    urls: [],
    ...special,
    environment: {
      HEALTH_URL: `${listen}${healthPath}`,
      // Go returns memory late otherwise, and would be killed for it.
      GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
      ...special.environment,
    },
    view: { listen, ...special.view },
    keeps: { '/tmp': 'nothing lasting; programs expect it', '/run': 'nothing; the same in every container', ...special.keeps },
  };
}

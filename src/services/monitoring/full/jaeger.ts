import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';
import { defineService } from '../../../stack/service.ts';
import type { NetworkName } from '../../../stack/types.ts';
import { pageAt } from '../../edge/edge-links.ts';
import { OTLP_PORTS, PAGE_PORTS } from '../../shared/full.ts';
import { MONITORING_HOSTS } from '../../shared/monitoring.ts';
import { fullPart, published } from './published.ts';

/** Where it says whether it is well. */
const HEALTH_PORT = 13_133;

const settings = z.strictObject({
  days: z.int().min(1).max(365).default(7).describe('Days for which traces are kept'),
  memory: memory('512m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export const jaeger = defineService({
  ...fullPart,
  name: 'jaeger',
  key: 'jaeger',
  summary: 'Jaeger: takes traces by OTLP, keeps and shows them',
  settings,
  build: (own, input) => {
    const address = (network: NetworkName) => input.address(network, MONITORING_HOSTS.jaeger);
    // The application sends to it there; its page is in `monitoring` alone.
    const networks: NetworkName[] = input.built.some(({ role }) => role === 'application') ? ['monitoring', 'app'] : ['monitoring'];
    const at = pageAt('jaeger', input);
    const page = { address: address('monitoring'), port: PAGE_PORTS.jaeger, ...(at && { path: at.path }) };
    return [
      published(
        'jaeger',
        {
          uid: 10033,
          networks,
          mounts: [{ source: 'jaeger-data', target: '/var/lib/jaeger', kind: 'volume', readOnly: false, ofUser: true }],
          secrets: [],
          environment: {
            // Go returns memory late otherwise, and would be killed for it.
            GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
          },
          view: {
            listen: `${page.address}:${page.port}`,
            path: at?.path ?? '',
            health: `${page.address}:${HEALTH_PORT}`,
            receivers: networks.map((name) => ({
              name,
              grpc: `${address(name)}:${OTLP_PORTS.grpc}`,
              http: `${address(name)}:${OTLP_PORTS.http}`,
            })),
            pipeline: networks.map((name) => `otlp/${name}`),
            hours: own.days * 24,
          },
          page,
          memoryBytes: own.memory,
          cpus: own.cpus,
          keeps: {
            '/var/lib/jaeger': 'the traces',
            '/tmp': 'nothing lasting; its image declares it',
            '/run': 'nothing; the same in every container',
          },
          after: [],
          interruption: 'about 5 s: meanwhile traces are lost',
          without: 'traces (Jaeger)',
        },
        input,
      ),
    ];
  },
});

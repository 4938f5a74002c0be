import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';
import { defineService } from '../../../stack/service.ts';
import { pageAt } from '../../edge/edge-links.ts';
import { EDGE_HOST } from '../../edge/settings/tool-pages.ts';
import { hasFull, LOG_INDICES, logStore, PAGE_PORTS } from '../../shared/full.ts';
import { AGENT_METRICS, MONITORING_HOSTS } from '../../shared/monitoring.ts';
import { traceName } from '../../shared/traces.ts';
import { prometheus, prometheusListen } from '../prometheus.ts';
import { dashboardFiles } from './dashboards.ts';
import { fullPart, published } from './published.ts';

const ADMIN = { name: 'grafana-admin-password', source: { generate: true } } as const;
/** Encrypts what is in its own database. */
const KEY = { name: 'grafana-key', source: { generate: true } } as const;

/** As Grafana's settings and provisioning files name what stands in a file. */
const inFile = (secret: string): string => `$__file{/run/secrets/${secret}}`;

const settings = z.strictObject({
  memory: memory('512m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export const grafana = defineService({
  ...fullPart,
  name: 'grafana',
  key: 'grafana',
  summary: 'Grafana: dashboards of metrics, logs and traces',
  settings,
  build: (own, input) => {
    const address = input.address('monitoring', MONITORING_HOSTS.grafana);
    const port = PAGE_PORTS.grafana;
    const at = pageAt('grafana', input);
    const store = logStore(input, 'grafana');
    const jaeger = hasFull(input, 'jaeger');
    const services = input.built.filter(({ oneOff }) => !oneOff);
    const measured = services.some(({ role }) => role === 'monitoring');
    return [
      published(
        'grafana',
        {
          uid: 10030,
          mounts: [{ source: 'grafana-data', target: '/var/lib/grafana', kind: 'volume', readOnly: false, ofUser: true }],
          secrets: [ADMIN, KEY, ...(store ? [store.password] : [])],
          environment: {
            GF_PATHS_CONFIG: '/etc/medianest/current/grafana.ini',
            GF_PATHS_PROVISIONING: '/etc/medianest/current/provisioning',
            GF_PATHS_DATA: '/var/lib/grafana',
            GF_PATHS_LOGS: '/tmp',
            GF_PATHS_PLUGINS: '/var/lib/grafana/plugins',
            GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
          },
          view: {
            address,
            port,
            path: at?.path ?? '',
            signIn: at ? { url: at.url, edge: input.address('monitoring', EDGE_HOST) } : null,
            admin: inFile(ADMIN.name),
            key: inFile(KEY.name),
            prometheus: measured ? `http://${prometheusListen(input)}` : null,
            scrapeSeconds: input.settingsOf(prometheus).scrapeSeconds,
            store: store ? { url: store.url, user: store.user, password: inFile(store.password.name), indices: LOG_INDICES } : null,
            jaeger: jaeger
              ? `http://${input.address('monitoring', MONITORING_HOSTS.jaeger)}:${PAGE_PORTS.jaeger}${pageAt('jaeger', input)?.path ?? ''}`
              : null,
          },
          files: dashboardFiles({
            metrics: measured,
            logs: store !== undefined,
            traces: jaeger ? traceName(input) : null,
            has: input.enabled,
            services: [
              ...services.map(({ name, role, metrics = [] }) => ({ name, role, jobs: metrics.map(({ job }) => job) })),
              // Built after all others, because it looks after them.
              ...(input.enabled('agent') ? [{ name: 'agent', role: 'agent' as const, jobs: [AGENT_METRICS.job] }] : []),
            ],
          }),
          page: { address, port, ...(at && { path: at.path }), user: 'admin', secret: ADMIN.name },
          memoryBytes: own.memory,
          cpus: own.cpus,
          keeps: {
            '/var/lib/grafana': 'its users, their sessions and preferences',
            '/tmp': 'nothing lasting; programs expect it',
            '/run': 'nothing; the same in every container',
          },
          after: [],
          interruption: 'about 10 s: nothing but its pages',
          without: 'dashboards in Grafana; `medianest dashboard` shows the same pictures',
        },
        input,
      ),
    ];
  },
});

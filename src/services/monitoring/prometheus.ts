import * as z from 'zod';
import { cpus, memory, size } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { Blueprint, NetworkName } from '../../stack/types.ts';
import { pageAt } from '../edge/edge-links.ts';
import { AGENT_HOST, AGENT_METRICS, MONITORING_HOSTS, monitored } from '../shared/monitoring.ts';
import { ALERTMANAGER_PORT } from './alertmanager.ts';
import { PROMETHEUS_UID } from './exporter.ts';
import { type Source, scrapeJobs, sourcesOf } from './scrape-jobs.ts';

const PROMETHEUS_PORT = 9090;

const settings = z.strictObject({
  scrapeSeconds: z
    .int()
    .min(5)
    .max(60)
    .default(15)
    .describe('How often everything is scraped; above 15, critical alerts may need more than a minute'),
  retention: z
    .strictObject({
      days: z.int().min(1).max(3650).default(15).describe('Days for which metrics are kept'),
      size: size('1g', '128m').describe('Disk space for them at most: the oldest are removed before it is exceeded'),
    })
    .prefault({}),
  outside: z
    .boolean()
    .default(false)
    .describe('It may call addresses outside the stack, for targets of your own (`monitoring/`, docs/monitoring.md)'),
  memory: memory('256m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

/**
 * The networks that it has to share with what it scrapes, and no others. It listens in `monitoring` alone, so nothing new
 * can be called from the networks that it joins; services there admit its address alone, or ask for a certificate.
 */
const networksOf = (built: readonly Blueprint[]): NetworkName[] => [
  ...new Set<NetworkName>(['monitoring', ...sourcesOf(built).map(({ source }) => source.network)]),
];

/** The agent looks after all others, Prometheus too, and so is built after it: what is scraped of it is known before. */
const agentSource = (input: BuildInput): Source[] =>
  input.enabled('agent') ? [{ name: 'agent', host: AGENT_HOST, metrics: [AGENT_METRICS] }] : [];

/** Where alerts go; null where the component is switched off. */
const alertmanagerOf = (input: BuildInput): string | null =>
  input.built.some(({ role }) => role === 'alerting')
    ? `${input.address('monitoring', MONITORING_HOSTS.alertmanager)}:${ALERTMANAGER_PORT}`
    : null;

/** Where Prometheus listens, in the network `monitoring` alone. */
export const prometheusListen = (input: Pick<BuildInput, 'address'>): string =>
  `${input.address('monitoring', MONITORING_HOSTS.prometheus)}:${PROMETHEUS_PORT}`;

export const prometheus = defineService({
  name: 'prometheus',
  key: 'prometheus',
  askedFor: (core) => monitored({ settings: core }),
  summary: 'Prometheus: scrapes the stack’s metrics, keeps them, and evaluates the alert rules',
  settings,
  build: (own, input) => {
    const host = MONITORING_HOSTS.prometheus;
    const listen = prometheusListen(input);
    const networks: NetworkName[] = [...networksOf(input.built), ...(own.outside ? (['out'] as const) : [])];
    const itself: Blueprint = {
      name: 'prometheus',
      image: input.image('prometheus'),
      role: 'monitoring',
      uid: PROMETHEUS_UID,
      host,
      networks,
      ports: [],
      mounts: [{ source: 'prometheus-data', target: '/var/lib/prometheus', kind: 'volume', readOnly: false }],
      secrets: [],
      // etcd lets nothing without a certificate ask it for metrics.
      certificate: {
        name: 'prometheus',
        subjects: ['prometheus', ...networks.map((network) => input.address(network, host))],
        issuer: 'internal-ca',
        client: true,
        days: 90,
      },
      trust: true,
      environment: {
        HEALTH_URL: `${listen}/-/healthy`,
        // Go returns memory late otherwise, and would be killed for it.
        GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
      },
      view: {},
      takesRules: true,
      metrics: [{ job: 'prometheus', network: 'monitoring', port: PROMETHEUS_PORT, keep: OWN_METRICS }],
      memoryBytes: own.memory,
      cpus: own.cpus,
      keeps: {
        '/var/lib/prometheus': 'the metrics',
        '/tmp': 'nothing lasting; programs expect it',
        '/run': 'nothing; the same in every container',
      },
      // What it measures may be away: it says so, and needs none of it.
      after: [],
      reload: ['/usr/local/bin/reload-prometheus'],
      check: ['promtool', 'check', 'config', '/etc/medianest/current/prometheus.yml'],
      interruption: 'none: meanwhile nothing is measured, and no alert fires',
      notes: [],
      urls: [],
    };
    const at = pageAt('prometheus', input);
    const view = {
      listen,
      page: at ? `${at.url}/` : null,
      scrapeSeconds: own.scrapeSeconds,
      scrapeTimeout: Math.min(10, own.scrapeSeconds),
      evaluationSeconds: Math.min(5, own.scrapeSeconds),
      retentionDays: own.retention.days,
      retentionBytes: own.retention.size,
      alertmanager: alertmanagerOf(input),
      jobs: scrapeJobs([...input.built, itself, ...agentSource(input)], (network, number) => input.address(network, number)),
    };
    return [{ ...itself, view }];
  },
});

/** Of its about 700 series those that its own alerts and a look at its health need. */
const OWN_METRICS =
  'prometheus_(build_info|config_last_reload_successful|rule_evaluation_failures_total|rule_group_last_duration_seconds|target_scrapes_exceeded_sample_limit_total|tsdb_(compactions_failed_total|head_series|reloads_failures_total|storage_blocks_bytes|wal_corruptions_total|wal_writes_failed_total)|notifications_.*)|process_(cpu_seconds_total|resident_memory_bytes|start_time_seconds)';

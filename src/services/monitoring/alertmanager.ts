import type { JsonObject } from '../../core/json.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { MONITORING_HOSTS, monitored } from '../shared/monitoring.ts';
import { alertmanagerView } from './alertmanager-view.ts';
import { type AlertsSettings, alertsSettings, type ChannelSettings } from './alerts-settings.ts';

export const ALERTMANAGER_PORT = 9093;
const RELAY_PORT = 9094;

/** The container that sends to the channels. */
const RELAY = 'alert-relay';
const DEAD_MAN = 'alert-dead-man';

/** The settings of a channel that only the relay may read. */
const SECRETS = ['url', 'token', 'password'] as const;

/**
 * Alertmanager decides what is told, when and together with what; the relay sends it. So Alertmanager has no way out and no
 * secret, and a channel is the same with and without Prometheus (docs/decisions/0030-alerts-by-a-relay.md).
 */
export const alertmanager = defineService({
  name: 'alertmanager',
  key: 'alerts',
  // Where it is off, the job `alerts` sends by the same channels.
  settingsServeOthers: true,
  askedFor: (core) => monitored({ settings: core }),
  summary: 'Alertmanager: groups, holds back and routes alerts; beside it the relay that sends them to the channels',
  settings: alertsSettings,
  build: (own, input) => {
    const sends = Object.keys(own.channels).length > 0 || own.deadMan.url !== undefined;
    return [decider(own, input), ...(sends ? [relay(own, input)] : [])];
  },
});

function decider(own: AlertsSettings, input: BuildInput): Blueprint {
  const host = MONITORING_HOSTS.alertmanager;
  const listen = `${input.address('monitoring', host)}:${ALERTMANAGER_PORT}`;
  return {
    name: 'alertmanager',
    role: 'alerting',
    image: input.image('prometheus'),
    uid: 10026,
    host,
    networks: ['monitoring'],
    ports: [],
    mounts: [{ source: 'alertmanager-data', target: '/var/lib/alertmanager', kind: 'volume', readOnly: false }],
    secrets: [],
    environment: {
      HEALTH_URL: `${listen}/-/healthy`,
      ALERTMANAGER: listen,
      // Go returns memory late otherwise, and would be killed for it.
      GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
    },
    view: { relay: null, listen, ...alertmanagerView(own, `${input.address('monitoring', MONITORING_HOSTS[RELAY])}:${RELAY_PORT}`) },
    memoryBytes: own.memory,
    cpus: 0.5,
    keeps: {
      '/var/lib/alertmanager': 'silences, and what was told already',
      '/tmp': 'nothing lasting; programs expect it',
      '/run': 'nothing; the same in every container',
    },
    after: [],
    check: ['amtool', 'check-config', '/etc/medianest/current/alertmanager.yml'],
    metrics: [{ job: 'alertmanager', network: 'monitoring', port: ALERTMANAGER_PORT, keep: OWN_METRICS }],
    interruption: 'about 2 s: alerts wait',
    urls: [],
  };
}

/** It alone has a way out, and takes requests of Alertmanager alone. */
function relay(own: AlertsSettings, input: BuildInput): Blueprint {
  const host = MONITORING_HOSTS[RELAY];
  const channels = Object.entries(own.channels).map(([name, channel]) => ({ name, ...withoutSecrets(name, channel) }));
  return {
    name: RELAY,
    image: input.image('agent'),
    uid: 10027,
    host,
    networks: ['monitoring', 'out'],
    ports: [],
    mounts: [],
    secrets: [
      ...Object.entries(own.channels).flatMap(([name, channel]) => secretsOf(name, channel)),
      ...(own.deadMan.url ? [{ name: DEAD_MAN, source: { given: own.deadMan.url } }] : []),
    ],
    environment: {},
    view: {
      listen: '',
      relay: {
        project: input.settings.project,
        listen: { host: input.address('monitoring', host), port: RELAY_PORT },
        caller: input.address('monitoring', MONITORING_HOSTS.alertmanager),
        channels,
        deadMan: own.deadMan.url ? DEAD_MAN : null,
      },
    },
    configFrom: [RELAY],
    memoryBytes: own.relayMemory,
    cpus: 0.5,
    keeps: { '/tmp': 'nothing lasting; programs expect it', '/run': 'how the last delivery of each channel went' },
    after: [],
    interruption: 'about 2 s: alerts wait, and are sent again',
    urls: [],
  };
}

const secretName = (channel: string, key: string): string => `alert-${channel}-${key}`;

const secretsOf = (name: string, channel: ChannelSettings): SecretSpec[] =>
  SECRETS.flatMap((key) => (channel[key] ? [{ name: secretName(name, key), source: { given: channel[key] } }] : []));

/** The channel as the relay reads it, with the name of a file in place of each secret. */
function withoutSecrets(name: string, channel: ChannelSettings): JsonObject {
  const { url, token, password, severities: _severities, quiet: _quiet, report: _report, ...plain } = channel;
  const files = Object.entries({ url, token, password }).flatMap(([key, value]) => (value ? [[key, secretName(name, key)]] : []));
  return JSON.parse(JSON.stringify({ ...plain, secrets: Object.fromEntries(files) })) as JsonObject;
}

const OWN_METRICS =
  'alertmanager_(alerts|silences|build_info|config_last_reload_successful|notification_requests_(failed_)?total|notifications_(failed_)?total|notification_latency_seconds_(sum|count))|process_(resident_memory_bytes|start_time_seconds)';

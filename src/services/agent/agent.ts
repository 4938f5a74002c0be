import * as z from 'zod';
import { cpus, memory } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { NetworkName } from '../../stack/types.ts';
import { CACHE_KEEPER_SECRET, redisCluster } from '../cache/redis-cluster.ts';
import { FAILOVER_MS, redisSentinel, SENTINEL_SECRET, sentinels } from '../cache/redis-sentinel.ts';
import { FENCER_PASSWORD } from '../database/etcd.ts';
import { REST_PASSWORD } from '../database/patroni.ts';
import { traceEndpoint } from '../shared/full.ts';
import { memberCertificate } from '../shared/member.ts';
import { AGENT_HOST, AGENT_METRICS, MONITORING_HOSTS, monitored } from '../shared/monitoring.ts';
import { tracesEndpoint } from '../shared/traces.ts';
import { ENGINE_PROXY_UID, ENGINE_SOCKET, SELF, SOCKET_FOLDER, watched } from './engine-proxy.ts';
import { containerName, engineRequests } from './engine-requests.ts';
import {
  AUDIT_FOLDER,
  LOGS_FOLDER,
  LOGS_VOLUME,
  type LogsSettings,
  logEgress,
  logNetworks,
  logTarget,
  shipsLogs,
  takesLogs,
} from './log-egress.ts';

const settings = z.strictObject({
  healing: z
    .preprocess(
      // What it was until it had three values.
      (value) => (value === true ? 'act' : value === false ? 'off' : value),
      z.enum(['off', 'suggest', 'act'], 'should be off, suggest or act').default('act'),
    )
    .describe(
      '`act`: starts containers that ended by a fault, restarts those that stay unhealthy, and removes images of medianest that nothing needs where a disk has less than `diskReserve` (docs/jobs.md). `suggest`: only says what it would do (`agent status`). `off`: neither. Failover of database and cache is not part of it (docs/recovery.md)',
    ),
  fence: z
    .boolean()
    .default(true)
    .describe('Releases the lock of a database leader that is proven dead, so that another takes over in seconds (docs/fencer.md)'),
  pausedSeconds: z.number().min(1).max(600).default(8).describe('A leader of the database that is paused for longer is killed'),
  hungSeconds: z
    .number()
    .min(5)
    .max(3600)
    .default(30)
    .describe('A member of the database that has lost the lead and does not answer for longer is killed, and started again'),
  unhealthySeconds: z.number().min(5).max(3600).default(60).describe('What is unhealthy for longer is restarted'),
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(5)
    .describe('Starts and restarts of one container in ten minutes that do not cure it; then it is left alone for a while'),
  memory: memory('128m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export type AgentSettings = z.output<typeof settings>;

export const agent = defineService({
  name: 'agent',
  key: 'agent',
  summary: 'The agent: fails the database over within seconds, heals what ended or hangs, keeps the cache together',
  settings,
  build: (own, input) => {
    const { project } = input.settings;
    const { ping, events, list } = engineRequests(project);
    const groups = new Set(input.built.flatMap(({ member }) => (member ? [member.group] : [])));
    const electing = input.enabled(redisSentinel.name);
    const scraped = monitored(input);
    const logs = input.settingsOf(logEgress);
    const keepsLogs = takesLogs(input.settings);
    const target = logTarget(logs, input);
    const networks: NetworkName[] = [
      'db',
      ...(groups.has('database') || electing ? ['control' as const] : []),
      ...(scraped ? ['monitoring' as const] : logNetworks(input.settings)),
    ];
    const addresses = networks.map((network) => input.address(network, AGENT_HOST));
    return [
      {
        name: 'agent',
        role: 'agent',
        image: input.image('agent'),
        uid: 10007,
        host: AGENT_HOST,
        networks,
        ports: [],
        mounts: [
          { source: 'engine-socket', target: SOCKET_FOLDER, kind: 'volume', readOnly: true },
          { source: './hold', target: '/run/hold', kind: 'bind', readOnly: true },
          ...(keepsLogs ? [{ source: LOGS_VOLUME, target: LOGS_FOLDER, kind: 'volume' as const, readOnly: false }] : []),
          ...(shipsLogs(input.settings) ? [{ source: './audit', target: AUDIT_FOLDER, kind: 'bind' as const, readOnly: true }] : []),
        ],
        secrets: [
          ...(groups.has('database') ? [FENCER_PASSWORD, REST_PASSWORD] : []),
          ...(groups.has('cache') ? [CACHE_KEEPER_SECRET] : []),
          ...(electing ? [SENTINEL_SECRET] : []),
          ...(target?.secrets ?? []),
        ],
        reloadsSecrets: true,
        certificate: memberCertificate('agent', addresses),
        trust: true,
        environment: {},
        view: {
          proxyGroup: String(ENGINE_PROXY_UID),
          project,
          engine: { socket: ENGINE_SOCKET, ping, events, list },
          containers: containers(input),
          cache: groups.has('cache') ? cacheView(input) : null,
          healing: own.healing,
          metrics: scraped ? metricsView(input) : null,
          fence: own.fence,
          pausedSeconds: own.pausedSeconds,
          hungSeconds: own.hungSeconds,
          unhealthySeconds: own.unhealthySeconds,
          attempts: own.attempts,
          logs: keepsLogs ? logsView(logs, input) : null,
        },
        memoryBytes: own.memory + (keepsLogs ? logs.memory : 0),
        cpus: own.cpus,
        keeps: {
          '/tmp': 'nothing lasting',
          '/run': 'when it was last at work, for its health check',
          ...(keepsLogs && { [LOGS_FOLDER]: 'the lines of all containers, kept or waiting for the log store' }),
        },
        after: ['engine-proxy'],
        ...(scraped && { metrics: [AGENT_METRICS] }),
        // It reads its configuration, passwords and certificate again each time.
        reload: ['/usr/local/bin/agent', 'check'],
        interruption: 'none: meanwhile nothing is healed, and the database fails over more slowly',
        urls: [],
      },
    ];
  },
});

/** Where it tells, whom alone, and what it reads besides what it looks after. */
function metricsView(input: BuildInput) {
  const { network, port } = AGENT_METRICS;
  const figures = input.built.flatMap(({ name, figures: told }) => (told ? [[name, told.map((figure) => ({ ...figure }))] as const] : []));
  return {
    host: input.address(network, AGENT_HOST),
    port,
    caller: input.address(network, MONITORING_HOSTS.prometheus),
    also: SELF.map((service) => ({ service, container: containerName(input.settings.project, service) })),
    ...(figures.length > 0 && { figures: Object.fromEntries(figures) }),
  };
}

/** Whose lines it takes: those of all containers, its own too. */
function logsView(logs: LogsSettings, input: BuildInput) {
  const { days, size, buffer } = logs;
  const target = logTarget(logs, input)?.target ?? null;
  // A collector outside is reached by the application’s way out, which is not the agent’s.
  const collector = monitored(input) && tracesEndpoint(input) === undefined ? traceEndpoint(input, 'monitoring') : undefined;
  const services = [...new Set([...watched(input).map(({ name }) => name), ...SELF])];
  return {
    folder: LOGS_FOLDER,
    days,
    size,
    buffer,
    target,
    ...(target && { audit: AUDIT_FOLDER }),
    ...(collector !== undefined && { spans: { url: collector, slowMs: input.settings.traces.slowMs } }),
    containers: services.map((service) => ({ service, container: containerName(input.settings.project, service) })),
  };
}

function cacheView(input: BuildInput) {
  if (input.enabled(redisSentinel.name)) {
    const { downAfterMs } = input.settingsOf(redisSentinel);
    return { sentinels: sentinels(input).map(({ name }) => name), downAfterMs, failoverTimeoutMs: FAILOVER_MS };
  }
  const { replicas, nodeTimeoutMs } = input.settingsOf(redisCluster);
  return { replicas, nodeTimeoutMs };
}

/** What it looks after: where each is found, which of them belong together, and what each needs to be well. */
function containers(input: BuildInput) {
  const all = watched(input);
  const names = new Set(all.map(({ name }) => name));
  return all.map(({ name, member, networks, host, after }) => ({
    service: name,
    container: containerName(input.settings.project, name),
    ...(member && { group: member.group }),
    // Where it is asked how it is: only members are.
    ...(member && networks[0] && { address: input.address(networks[0], host) }),
    after: after.filter((other) => names.has(other)),
  }));
}

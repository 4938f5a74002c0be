import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { cpus, memory, secret } from '../../settings/fields.ts';
import { REDIS_KERNEL } from '../../stack/kernel-needs.ts';
import { type BuildInput, type CacheConnection, defineService, type StoreContract } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { generated, memberCertificate, slots } from '../shared/member.ts';
import { CACHE_MONITOR_PASSWORD, monitored, REDIS_EXPORTER } from '../shared/monitoring.ts';
import { dataBytes, memoryBytes } from './cache-settings.ts';

const FIRST_HOST = 30;
const MASTERS = 3;
const REDIS_PORT = 6379;

const settings = z.strictObject({
  password: secret().describe('Password of the application; made at random where it is not given'),
  replicas: z
    .int()
    .min(0)
    .max(1, 'should be 1 (6 containers) or 0 (3 containers, where memory is short)')
    .default(1)
    .describe('Replicas of each of the three masters: with 1 a master that dies is replaced within seconds'),
  memory: memory('128m').describe('Memory limit of each container; three quarters of it are for data'),
  cpus: cpus(1).describe('Processors that each container may use at most; never more than the host has'),
  nodeTimeoutMs: z
    .int()
    .min(500, 'should be at least 500: below that a busy host looks like a dead one')
    .max(60_000)
    .default(2000)
    .describe('Silence after which a node counts as away; a replica takes over about a second later'),
});

type RedisClusterSettings = z.output<typeof settings>;

/** Its containers: `redis-1` to `redis-3` are the first masters, the others their replicas. */
export const cacheNodes = (own: RedisClusterSettings) =>
  Array.from({ length: MASTERS * (1 + own.replicas) }, (_, i) => ({ name: `redis-${i + 1}`, host: FIRST_HOST + i }));

/** What the controller logs in with. */
export const CACHE_KEEPER_SECRET = generated('redis-keeper-password');

/**
 * The application's two passwords; the nodes take either at any time, so that one is changed while the other is in use. One
 * that the operator gives is `a`, and the one that is used.
 */
const applicationSecrets = (own: RedisClusterSettings): SecretSpec[] => slots('cache', 'redis-password', own.password);

function applicationSecret(own: RedisClusterSettings, input: BuildInput): SecretSpec {
  const inUse = own.password ? 'a' : (input.overrides.credentials?.cache ?? 'a');
  return applicationSecrets(own).find(({ slot }) => slot?.of === inUse) as SecretSpec;
}

function refuseUnfit(input: BuildInput): void {
  if (input.enabled('redis')) {
    throw new UserError(
      'INVALID_SETTINGS',
      'redis and redis-cluster are both switched on, and the application has one cache; nothing was changed',
      'switch one of them off: `components: { redis: false }` keeps the cluster',
    );
  }
  if ((input.settings.cache.databases ?? 1) > 1) {
    throw new UserError(
      'INVALID_SETTINGS',
      `cache.databases: ${input.settings.cache.databases}: a Redis Cluster has one database alone; nothing was changed`,
      'leave it out, or `cache: { mode: sentinel }`',
    );
  }
  if (!input.enabled('agent')) {
    throw new UserError(
      'INVALID_SETTINGS',
      'redis-cluster needs the agent, which brings its nodes together; nothing was changed',
      '`components: { agent: true, engine-proxy: true }`, or a single server: `components: { redis-cluster: false, redis: true }`',
    );
  }
}

const interruption = (replicas: number): string =>
  replicas > 0 ? 'none: what it leads is handed to its replica first' : 'about 2 s: a third of the sessions is away';

export const redisCluster = defineService({
  name: 'redis-cluster',
  key: 'redisCluster',
  standsFor: ['redis', 'redisSentinel'],
  summary: 'Redis 8 Cluster: sessions and cache on three masters, each with a replica',
  settings,
  build: (own, input) => {
    refuseUnfit(input);
    const limit = memoryBytes(own, input);
    const { evictionPolicy } = input.settings.cache;
    return cacheNodes(own).map(({ name, host }): Blueprint => {
      const address = input.address('db', host);
      return {
        name,
        role: 'cache',
        host,
        image: input.image('redis'),
        uid: 10003,
        networks: ['db'],
        ports: [],
        mounts: [{ source: `${name}-data`, target: '/var/lib/redis', kind: 'volume', readOnly: false, backedUp: 'redis' }],
        secrets: [
          ...applicationSecrets(own),
          CACHE_KEEPER_SECRET,
          generated('redis-replication-password'),
          ...(monitored(input) ? [CACHE_MONITOR_PASSWORD] : []),
        ],
        ...(monitored(input) && {
          metrics: [{ ...REDIS_EXPORTER, job: 'redis', params: { target: `rediss://${address}:${REDIS_PORT}` } }],
        }),
        certificate: memberCertificate(name, [address]),
        trust: true,
        environment: { REDIS_MODE: 'cluster', REDIS_SPARE: own.replicas > 0 ? 'yes' : 'no' },
        view: {
          address,
          maxmemoryBytes: dataBytes(limit),
          maxmemoryPolicy: evictionPolicy ?? null,
          replicaBufferBytes: Math.floor(limit / 8),
          backlogBytes: Math.floor(limit / 16),
          nodeTimeoutMs: own.nodeTimeoutMs,
        },
        memoryBytes: limit,
        cpus: own.cpus,
        kernel: [REDIS_KERNEL],
        keeps: {
          '/var/lib/redis': 'sessions, as its append-only file, and what it knows of the cluster',
          '/tmp': 'nothing lasting; its entrypoint is a shell, which expects it',
          '/run': 'hashes of the passwords, and the one that it follows its master by',
        },
        after: [],
        reload: ['/usr/local/bin/reload'],
        reloadsSecrets: true,
        listeners: [{ port: REDIS_PORT, protocol: 'tls' }],
        member: { group: 'cache', controller: 'agent' },
        interruption: interruption(own.replicas),
        urls: [],
      };
    });
  },
});

/** All nodes over TLS; the node that answers tells the application about the others. */
export function clusterCache(input: BuildInput): StoreContract<CacheConnection> {
  const own = input.settingsOf(redisCluster);
  const nodes = cacheNodes(own);
  const password = applicationSecret(own, input);
  const addresses = nodes.map(({ host }) => input.address('db', host));
  const cluster = addresses.map((address) => `${address}:${REDIS_PORT}`);
  return {
    connection: {
      ...{ mode: 'cluster' as const, host: addresses[0] as string, port: REDIS_PORT, cluster },
      ...{ user: 'medianest', password: password.name, ca: '/run/trust/internal-ca.pem' },
    },
    environment: {
      REDIS_CLUSTER_NODES: cluster.join(','),
      REDIS_USERNAME: 'medianest',
      REDIS_PASSWORD_FILE: `/run/secrets/${password.name}`,
      REDIS_TLS_CA_FILE: '/run/trust/internal-ca.pem',
    },
    secrets: [password],
    passwords: [],
    after: nodes.map(({ name }) => name),
    trust: true,
  };
}

import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { cpus, memory, secret } from '../../settings/fields.ts';
import { REDIS_KERNEL } from '../../stack/kernel-needs.ts';
import { type BuildInput, type CacheConnection, defineService, type StoreContract } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { generated, memberCertificate, slots } from '../shared/member.ts';
import { CACHE_MONITOR_PASSWORD, monitored, REDIS_EXPORTER } from '../shared/monitoring.ts';
import { dataBytes, memoryBytes } from './cache-settings.ts';
import { CACHE_KEEPER_SECRET } from './redis-cluster.ts';

const FIRST_NODE = 30;
const FIRST_SENTINEL = 32;
const SENTINELS = 3;
/** Where clients find the leader. */
export const ROUTER_HOST = 46;
const REDIS_PORT = 6379;
export const SENTINEL_PORT = 26_379;
const DATABASES = 16;

const settings = z.strictObject({
  password: secret().describe('Password of the application; made at random where it is not given'),
  memory: memory('128m').describe('Memory limit of the leader and of its follower; three quarters of it are for data'),
  sentinelMemory: memory('32m').describe('Memory limit of each sentinel'),
  routerMemory: memory('64m').describe('Memory limit of the router'),
  maxConnections: z.int().min(50).max(100_000).default(2000).describe('Connections that the router takes at most, in all'),
  cpus: cpus(1).describe('Processors that each container may use at most; never more than the host has'),
  downAfterMs: z
    .int()
    .min(1000, 'should be at least 1000: below that a busy host looks like a dead one')
    .max(60_000)
    .default(2000)
    .describe('Silence after which a sentinel calls the leader down; the follower takes over about a second later'),
});

export type RedisSentinelSettings = z.output<typeof settings>;

/** What a sentinel logs in with, at nodes and at other sentinels. */
export const SENTINEL_SECRET = generated('redis-sentinel-password');
/** What the router asks with who leads. */
export const ROUTER_SECRET = generated('redis-router-password');
/** A failover that takes longer is tried again. */
export const FAILOVER_MS = 10_000;

const members = (name: string, count: number, first: number, input: BuildInput) =>
  Array.from({ length: count }, (_, index) => ({
    name: `${name}-${index + 1}`,
    host: first + index,
    address: input.address('control', first + index),
  }));

/** The leader and its follower: `cache-1` leads at first. */
export const replicatedNodes = (input: BuildInput) => members('cache', 2, FIRST_NODE, input);
export const sentinels = (input: BuildInput) => members('sentinel', SENTINELS, FIRST_SENTINEL, input);

/** The address of the router, by which the application finds the leader. */
const routerAddress = (input: BuildInput): string => input.address('db', ROUTER_HOST);

/** Both are valid at any time; an override says which one the application is given, so that the other can be changed without an outage. */
const applicationSecrets = (own: RedisSentinelSettings): SecretSpec[] => slots('cache', 'redis-password', own.password);

function refuseUnfit(input: BuildInput): void {
  const other = ['redis', 'redis-cluster'].find((component) => input.enabled(component));
  if (other) {
    throw new UserError(
      'INVALID_SETTINGS',
      `${other} and redis-sentinel are both switched on, and the application has one cache; nothing was changed`,
      'choose one of them: `cache: { mode: sentinel }`',
    );
  }
  if (!input.enabled('agent')) {
    throw new UserError(
      'INVALID_SETTINGS',
      'the cache beside sentinels needs the agent, which tells its nodes who leads at first; nothing was changed',
      '`components: { agent: true, engine-proxy: true }`, or a single server: `cache: { mode: single }`',
    );
  }
}

export const redisSentinel = defineService({
  name: 'redis-sentinel',
  key: 'redisSentinel',
  standsFor: ['redis', 'redisCluster'],
  summary: 'Redis 8: sessions and cache on a leader and its follower, for clients that know no cluster',
  settings,
  build: (own, input) => {
    refuseUnfit(input);
    const { cache } = input.settings;
    const limit = memoryBytes(own, input);
    const databases = cache.databases ?? DATABASES;
    const nodes = replicatedNodes(input);
    const electors = sentinels(input);
    return nodes.map(
      ({ name, host, address }): Blueprint => ({
        name,
        role: 'cache',
        host,
        image: input.image('redis'),
        uid: 10003,
        // The application has no way around the router.
        networks: ['control'],
        ports: [],
        mounts: [{ source: `${name}-data`, target: '/var/lib/redis', kind: 'volume', readOnly: false, backedUp: 'redis' }],
        secrets: [
          ...applicationSecrets(own),
          CACHE_KEEPER_SECRET,
          generated('redis-replication-password'),
          SENTINEL_SECRET,
          ROUTER_SECRET,
          ...(monitored(input) ? [CACHE_MONITOR_PASSWORD] : []),
        ],
        ...(monitored(input) && {
          metrics: [{ ...REDIS_EXPORTER, job: 'redis', params: { target: `rediss://${address}:${REDIS_PORT}` } }],
        }),
        // Clients reach it through the router, by the router's name and address.
        certificate: memberCertificate(name, [address, 'cache-router', routerAddress(input)]),
        trust: true,
        environment: {
          REDIS_MODE: 'replicated',
          REDIS_SPARE: 'yes',
          REDIS_ADDRESS: address,
          REDIS_OTHERS: nodes.flatMap((node) => (node.name === name ? [] : [node.address])).join(' '),
          REDIS_SENTINELS: electors.map((elector) => elector.address).join(' '),
        },
        view: {
          maxmemoryBytes: dataBytes(limit),
          maxmemoryPolicy: cache.evictionPolicy ?? 'noeviction',
          databases,
          replicaBufferBytes: Math.floor(limit / 8),
          backlogBytes: Math.floor(limit / 16),
        },
        restarts: { databases },
        memoryBytes: limit,
        cpus: own.cpus,
        kernel: [REDIS_KERNEL],
        keeps: {
          '/var/lib/redis': 'sessions, as its append-only file',
          '/tmp': 'nothing lasting; its entrypoint is a shell, which expects it',
          '/run': 'hashes of the passwords, and the one that it follows its leader by',
        },
        after: electors.map((elector) => elector.name),
        reload: ['/usr/local/bin/reload'],
        reloadsSecrets: true,
        listeners: [{ port: REDIS_PORT, protocol: 'tls' }],
        member: { group: 'cache', controller: 'agent' },
        interruption: 'about 2 s where it leads: its follower takes over first, and no write is lost',
        urls: [],
      }),
    );
  },
});

/** One address over TLS that leads to the leader; the certificate is that of the node behind it. */
export function sentinelCache(input: BuildInput): StoreContract<CacheConnection> {
  const own = input.settingsOf(redisSentinel);
  const slot = own.password ? 'a' : (input.overrides.credentials?.cache ?? 'a');
  const password = `redis-password-${slot}`;
  const host = routerAddress(input);
  return {
    connection: { mode: 'sentinel', host, port: REDIS_PORT, user: 'medianest', password, ca: '/run/trust/internal-ca.pem' },
    environment: { REDIS_URL_FILE: '/run/secrets/redis-url', REDIS_TLS_CA_FILE: '/run/trust/internal-ca.pem' },
    secrets: [{ name: 'redis-url', source: { format: `rediss://medianest:{${password}}@${host}:${REDIS_PORT}/0` } }],
    passwords: applicationSecrets(own),
    after: ['cache-router'],
    trust: true,
  };
}

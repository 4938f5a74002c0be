import * as z from 'zod';
import { cpus, memory, secret } from '../../settings/fields.ts';
import { REDIS_KERNEL } from '../../stack/kernel-needs.ts';
import { type BuildInput, type CacheConnection, defineService, type StoreContract } from '../../stack/service.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { CACHE_MONITOR_PASSWORD, monitored, REDIS_EXPORTER } from '../shared/monitoring.ts';
import { dataBytes, memoryBytes } from './cache-settings.ts';

const REDIS_HOST = 30;
const REDIS_PORT = 6379;

const settings = z.strictObject({
  password: secret().describe('Password; made at random where it is not given'),
  memory: memory('128m').describe('Memory limit of the container; three quarters of it are for data'),
  cpus: cpus(1).describe('Processors at most; never more than the host has'),
});

/** What its template sees. @param memory bytes of the container, or its part of it: a quarter is left for a fork that rewrites the file and for clients' buffers */
export const redisView = (memory: number, bindAddresses: string, input: BuildInput) => ({
  bindAddresses,
  maxmemoryBytes: dataBytes(memory),
  // Sessions are not a cache: when memory runs out, the oldest of what has an expiry goes.
  maxmemoryPolicy: input.settings.cache.evictionPolicy ?? 'volatile-lru',
  databases: input.settings.cache.databases ?? null,
  maxClients: 1000,
  appendonly: true,
});

export const redis = defineService({
  name: 'redis',
  key: 'redis',
  standsFor: ['redisCluster', 'redisSentinel'],
  summary: 'Redis 8: sessions and cache',
  settings,
  build: (own, input) => [
    {
      name: 'redis',
      role: 'cache',
      image: input.image('redis'),
      uid: 10003,
      host: REDIS_HOST,
      networks: ['db'],
      ports: [],
      mounts: [{ source: 'redis-data', target: '/var/lib/redis', kind: 'volume', readOnly: false }],
      secrets: [redisPassword(own.password), ...(monitored(input) ? [CACHE_MONITOR_PASSWORD] : [])],
      ...(monitored(input) && {
        metrics: [{ ...REDIS_EXPORTER, job: 'redis', params: { target: `redis://${input.address('db', REDIS_HOST)}:${REDIS_PORT}` } }],
      }),
      environment: monitored(input) ? { REDIS_MONITORED: 'yes' } : {},
      view: redisView(memoryBytes(own, input), '* -::*', input),
      memoryBytes: memoryBytes(own, input),
      cpus: own.cpus,
      keeps: {
        '/var/lib/redis': 'sessions, as its append-only file',
        '/tmp': 'nothing lasting; its entrypoint is a shell, which expects it',
        '/run': 'the hash of its password',
      },
      kernel: [REDIS_KERNEL],
      after: [],
      interruption: 'about 2 s: people stay signed in, the cache is read again',
      urls: [],
    },
  ],
});

const redisPassword = (given: z.output<typeof settings>['password']): SecretSpec => ({
  name: 'redis-password',
  source: given ? { given } : { generate: true },
});

/** One server without TLS, at a fixed address. */
export function plainCache(host: string, input: BuildInput): StoreContract<CacheConnection> {
  return {
    connection: { mode: 'single', host, port: REDIS_PORT, user: 'default', password: 'redis-password' },
    environment: { REDIS_URL_FILE: '/run/secrets/redis-url' },
    secrets: [{ name: 'redis-url', source: { format: `redis://:{redis-password}@${host}:${REDIS_PORT}/0` } }],
    passwords: [redisPassword(input.settingsOf(redis).password)],
    after: ['redis'],
  };
}

export const serverCache = (input: BuildInput): StoreContract<CacheConnection> => plainCache(input.address('db', REDIS_HOST), input);

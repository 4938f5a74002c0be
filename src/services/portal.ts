import * as z from 'zod';
import { memory, port, size, urlPath } from '../config/fields.ts';
import type { Mount, SecretSpec } from '../stack/types.ts';
import { databasePassword, databaseUrl, postgres } from './postgres.ts';
import { redis, redisPassword, redisUrl } from './redis.ts';
import type { BuildInput } from './service.ts';

/** The settings of the application, wherever it runs: as containers of its own, or in the all-in-one container. */
export const appSettings = z.strictObject({
  image: z.string().min(1).optional().describe('Your own application’s image; without it the reference portal is built'),
  port: port(3000).describe('Port that the application listens on inside its container (it is given as PORT)'),
  healthPath: urlPath('/api/health').describe('Answers 200 while the process is alive'),
  readyPath: urlPath('/api/health/ready').describe('Answers 200 while it can serve'),
  metricsPath: urlPath('/metrics').describe('Prometheus metrics'),
  user: z
    .string()
    .regex(/^\d+(:\d+)?$/, 'should be uid or uid:gid in digits')
    .default('10001:10001')
    .describe('Its uid and gid'),
  command: z.array(z.string()).default([]).describe('Instead of the image’s own command'),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
      z.string().refine((value) => !value.includes('\0'), 'should hold no NUL byte'),
    )
    .default({})
    .describe('More environment values (no secrets)'),
  source: z.string().min(1).optional().describe('Folder of the application’s source: mounted, and reloaded on every change'),
  replicas: z.int().min(1, 'should be at least 1').max(1000, 'should be at most 1000').default(1).describe('How many containers'),
  uploadLimit: size('1g').describe('Largest upload'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('What is logged'),
  memory: memory('384m').describe('Memory limit of each container'),
});

export type AppSettings = z.output<typeof appSettings>;

/** A host as URLs and nginx write it: IPv6 addresses in brackets. */
export const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export const SOURCE_TARGET = '/app/live';

/** The environment and the secrets of the app contract (docs/architecture.md), for given database and cache hosts. */
export function portalContract(own: AppSettings, input: BuildInput, hosts: { database: string; cache: string }) {
  const { plex, overseerr, uptimeKuma } = input.settings.external;
  const given = (name: string, value: typeof plex.token): SecretSpec[] => (value ? [{ name, source: { given: value } }] : []);
  const environment: Record<string, string> = {
    PORT: String(own.port),
    DATABASE_URL_FILE: '/run/secrets/database-url',
    REDIS_URL_FILE: '/run/secrets/redis-url',
    UPLOADS_PATH: '/srv/uploads',
    MEDIA_PATH: '/srv/media',
    UPLOAD_LIMIT_BYTES: String(own.uploadLimit),
    LOG_LEVEL: own.logLevel,
    ...(plex.url && { PLEX_URL: plex.url }),
    ...(plex.token && { PLEX_TOKEN_FILE: '/run/secrets/plex-token' }),
    ...(overseerr.url && { OVERSEERR_URL: overseerr.url }),
    ...(overseerr.apiKey && { OVERSEERR_API_KEY_FILE: '/run/secrets/overseerr-api-key' }),
    ...(uptimeKuma.url && { UPTIME_KUMA_URL: uptimeKuma.url }),
    ...own.env,
  };
  return {
    environment,
    /** What the process itself reads. */
    secrets: [
      databaseUrl(hosts.database),
      redisUrl(hosts.cache),
      ...given('plex-token', plex.token),
      ...given('overseerr-api-key', overseerr.apiKey),
    ],
    /** What those are composed of; the servers read them. */
    passwords: [databasePassword(input.settingsOf(postgres).password), redisPassword(input.settingsOf(redis).password)],
    source: own.source ? [{ source: own.source, target: SOURCE_TARGET, kind: 'bind', readOnly: true } satisfies Mount] : [],
  };
}

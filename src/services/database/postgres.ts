import * as z from 'zod';
import { cpus, memory, secret } from '../../settings/fields.ts';
import { type BuildInput, type DatabaseConnection, defineService, type StoreContract } from '../../stack/service.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { DATABASE_MONITOR_PASSWORD, MONITORING_HOSTS, monitored, POSTGRES_EXPORTER } from '../shared/monitoring.ts';
import { databaseSecrets } from '../sign-on/settings/address.ts';

/** What the images contain (templates/postgres/image/entrypoint). */
export const POSTGRES_MAJOR = '17';

const DATABASE_PORT = 5432;

const POSTGRES_HOST = 20;

const settings = z.strictObject({
  password: secret().describe('Password of the portal’s role; made at random where it is not given'),
  memory: memory('512m').describe('Memory limit of the container; buffers and caches are derived from it'),
  cpus: cpus(2).describe('Processors at most; never more than the host has'),
  maxConnections: z.int().min(10).max(1000).default(100).describe('Connections at most'),
});

/**
 * What its templates see: memory settings derived from what the container is given (PostgreSQL 17 manual, 19.4).
 * @param monitor the address of the exporter, where the server is monitored
 */
export function postgresView(memoryBytes: number, maxConnections: number, listenAddresses: string, monitor: string | null = null) {
  const mib = Math.floor(memoryBytes / 1024 ** 2);
  return {
    listenAddresses,
    monitor,
    maxConnections,
    sharedBuffersMiB: Math.max(16, Math.floor(mib / 4)),
    effectiveCacheSizeMiB: Math.max(32, Math.floor((mib * 3) / 4)),
    workMemMiB: Math.max(1, Math.floor(mib / 4 / maxConnections)),
    maintenanceWorkMemMiB: Math.max(16, Math.min(1024, Math.floor(mib / 16))),
    maxWalSizeMiB: 1024,
    slowQueryMs: 500,
  };
}

export const postgres = defineService({
  name: 'postgres',
  key: 'postgres',
  standsFor: ['database'],
  summary: 'PostgreSQL 17: media requests, uploads’ metadata',
  settings,
  build: (own, input) => [
    {
      name: 'postgres',
      role: 'database',
      image: input.image('postgres'),
      uid: 10002,
      host: POSTGRES_HOST,
      networks: ['db'],
      ports: [],
      mounts: [{ source: 'postgres-data', target: '/var/lib/postgresql/data', kind: 'volume', readOnly: false, backedUp: 'dump' }],
      secrets: [databasePassword(own.password), ...(monitored(input) ? [DATABASE_MONITOR_PASSWORD] : []), ...databaseSecrets(input)],
      environment: { POSTGRES_DB: 'medianest', POSTGRES_USER: 'medianest', ...(monitored(input) && { POSTGRES_MONITORED: 'yes' }) },
      view: postgresView(
        own.memory,
        own.maxConnections,
        '*',
        monitored(input) ? input.address('db', MONITORING_HOSTS['postgres-exporter']) : null,
      ),
      ...(monitored(input) && {
        metrics: [
          {
            ...POSTGRES_EXPORTER,
            job: 'postgres',
            params: { target: `${input.address('db', POSTGRES_HOST)}:${DATABASE_PORT}/medianest`, auth_module: 'monitor-plain' },
          },
        ],
      }),
      memoryBytes: own.memory,
      cpus: own.cpus,
      // One process for each connection, and its own dozen.
      pids: Math.max(256, own.maxConnections + 64),
      keeps: {
        '/var/lib/postgresql/data': 'the database',
        '/tmp': 'nothing lasting: sort files go into the data folder',
        '/run': 'its socket and lock',
      },
      after: [],
      interruption: 'about 3 s: requests and uploads wait for the database',
      urls: [],
    },
  ],
});

const databasePassword = (given: z.output<typeof settings>['password']): SecretSpec => ({
  name: 'database-password',
  source: given ? { given } : { generate: true },
});

/** One server without TLS, at a fixed address. */
export function plainDatabase(host: string, input: BuildInput): StoreContract<DatabaseConnection> {
  return {
    connection: {
      ...{ host, port: DATABASE_PORT, replicaPort: DATABASE_PORT },
      ...{ user: 'medianest', name: 'medianest', password: 'database-password' },
    },
    environment: { DATABASE_URL_FILE: '/run/secrets/database-url' },
    secrets: [
      {
        name: 'database-url',
        source: { format: `postgresql://medianest:{database-password}@${host}:${DATABASE_PORT}/medianest` },
      },
    ],
    passwords: [databasePassword(input.settingsOf(postgres).password)],
    after: ['postgres'],
  };
}

/** The single server of dev-compose, at its own address. */
export const singleDatabase = (input: BuildInput): StoreContract<DatabaseConnection> =>
  plainDatabase(input.address('db', POSTGRES_HOST), input);

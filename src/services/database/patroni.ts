import { type BuildInput, type DatabaseConnection, defineService, type StoreContract } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { archiving, BACKUP_CERTIFICATE } from '../backup/settings/backup-address.ts';
import { generated, memberCertificate, slots } from '../shared/member.ts';
import { DATABASE_MONITOR_PASSWORD, MONITORING_HOSTS, monitored, POSTGRES_EXPORTER } from '../shared/monitoring.ts';
import { databaseSecrets } from '../sign-on/settings/address.ts';
import { DATABASE_PORT, dbRouterAddress, REPLICAS_PORT } from './db-router-address.ts';
import { ETCD_PASSWORDS, etcdEndpoints } from './etcd.ts';
import { dynamicSettings, parameterTrial, restartSettings } from './patroni-parameters.ts';
import { type DatabaseSettings, databaseSettings } from './patroni-settings.ts';

const FIRST_HOST = 20;

export const REST_PASSWORD = generated('patroni-rest-password');
const REST_PORT = 8008;

export const patroni = defineService({
  name: 'patroni',
  key: 'database',
  standsFor: ['postgres'],
  summary: 'PostgreSQL 17 under Patroni: a leader and its replicas, with automatic failover',
  settings: databaseSettings,
  build: (own, input) => patroniMembers(own.members, input).map((member) => blueprint(member, own, input)),
});

function blueprint({ name, host, address }: Member, own: DatabaseSettings, input: BuildInput): Blueprint {
  const slot = input.overrides.credentials?.coordination ?? 'a';
  const archive = archiving(input);
  const dynamic = dynamicSettings(own, archive?.archiveSeconds);
  return {
    name,
    role: 'database',
    image: input.image('patroni', { after: input.image('postgres') }),
    uid: 10002,
    host,
    networks: ['control'],
    ports: [],
    mounts: [
      { source: `${name}-data`, target: '/var/lib/postgresql/data', kind: 'volume', readOnly: false },
      ...(archive
        ? [{ source: `./certs/${BACKUP_CERTIFICATE.name}`, target: '/run/backup-certs', kind: 'bind' as const, readOnly: true }]
        : []),
    ],
    secrets: [
      ...databasePasswords(own),
      generated('replication-password'),
      generated('rewind-password'),
      REST_PASSWORD,
      ...ETCD_PASSWORDS,
      ...(monitored(input) ? [DATABASE_MONITOR_PASSWORD] : []),
      ...databaseSecrets(input),
    ],
    // Clients reach it through the router, by the router's name and address.
    certificate: memberCertificate(name, [address, 'db-router', dbRouterAddress(input)]),
    trust: true,
    environment: {},
    view: {
      address,
      etcdHosts: etcdEndpoints(input).map(({ endpoint }) => endpoint),
      etcdSlot: slot,
      dynamic,
      monitor: monitored(input) ? input.address('control', MONITORING_HOSTS['postgres-exporter']) : null,
      archive: archive ? { maxWalQueueMiB: Math.floor(archive.maxWalQueue / 1024 ** 2) } : null,
    },
    restarts: restartSettings(dynamic),
    trial: parameterTrial(dynamic),
    memoryBytes: own.memory,
    cpus: own.cpus,
    pids: Math.max(256, own.maxConnections + 96),
    keeps: {
      '/var/lib/postgresql/data': 'the database',
      '/tmp': 'nothing lasting: sort files go into the data folder',
      '/run': 'its socket and lock, and the passwords that Patroni reads',
    },
    after: etcdEndpoints(input).map((member) => member.name),
    reload: ['/usr/local/bin/reload'],
    reloadsSecrets: true,
    listeners: [
      { port: DATABASE_PORT, protocol: 'postgres' },
      { port: REST_PORT, protocol: 'tls' },
    ],
    ...(monitored(input) && {
      metrics: [
        // Patroni's interface, which answers clients with a certificate, and takes orders only with the password.
        { job: 'patroni', network: 'control', port: REST_PORT, tls: true },
        { ...POSTGRES_EXPORTER, job: 'postgres', params: { target: `${address}:${DATABASE_PORT}/medianest`, auth_module: 'monitor' } },
      ],
    }),
    member: { group: 'database', controller: 'agent', share: ['/usr/local/bin/settle', '20'] },
    interruption:
      own.members > 1 ? 'a leader is changed first: writes wait about 2 s' : 'about 5 s: requests and uploads wait for the database',
    urls: [],
  };
}

interface Member {
  name: string;
  host: number;
  address: string;
}

const patroniMembers = (count: number, input: BuildInput): Member[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `postgres-${index + 1}`,
    host: FIRST_HOST + index,
    address: input.address('control', FIRST_HOST + index),
  }));

/** What the router and the controller know about it: each member, by name and address. */
export const databaseMembers = (input: BuildInput) => patroniMembers(input.settingsOf(patroni).members, input);

/** Both are valid at any time; an override says which one the application is given, so that the other can be changed without an outage. */
const databasePasswords = (own: DatabaseSettings): SecretSpec[] => slots('database', 'database-password', own.password);

/** Leader and replicas behind the router, over TLS that the application verifies in full. */
export function clusterDatabase(input: BuildInput): StoreContract<DatabaseConnection> {
  const own = input.settingsOf(patroni);
  const slot = own.password ? 'a' : (input.overrides.credentials?.database ?? 'a');
  const url = (port: number) =>
    `postgresql://medianest_${slot}:{database-password-${slot}}@${dbRouterAddress(input)}:${port}/medianest?sslmode=verify-full&sslrootcert=/run/trust/internal-ca.pem`;
  return {
    connection: {
      ...{ host: dbRouterAddress(input), port: DATABASE_PORT, replicaPort: REPLICAS_PORT },
      ...{ user: `medianest_${slot}`, name: 'medianest', password: `database-password-${slot}`, ca: '/run/trust/internal-ca.pem' },
    },
    environment: { DATABASE_URL_FILE: '/run/secrets/database-url', DATABASE_REPLICA_URL_FILE: '/run/secrets/database-replica-url' },
    secrets: [
      { name: 'database-url', source: { format: url(DATABASE_PORT) } },
      { name: 'database-replica-url', source: { format: url(REPLICAS_PORT) } },
    ],
    passwords: databasePasswords(own),
    after: ['db-router'],
    trust: true,
  };
}

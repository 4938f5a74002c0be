import * as z from 'zod';
import { cpus, memory } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import { generated, memberCertificate, slots } from '../shared/member.ts';
import { monitored } from '../shared/monitoring.ts';

const FIRST_HOST = 50;
const CLIENT_PORT = 2379;
const PEER_PORT = 2380;

const settings = z.strictObject({
  members: z
    .union([z.literal(1), z.literal(3)], 'should be 1 or 3: an even number tolerates no more failures than one less')
    .default(3)
    .describe('How many: 3 survive the loss of one; with 1, there is no failover while it is down'),
  memory: memory('128m').describe('Memory limit of each container'),
  cpus: cpus(1).describe('Processors that each container may use at most; never more than the host has'),
});

/** Of its about 900 series those that alerts and a look at its health need. */
const METRICS =
  'etcd_server_(has_leader|is_leader|leader_changes_seen_total|proposals_.*|quota_backend_bytes)|etcd_mvcc_db_total_size_in_(use_in_)?bytes|etcd_disk_(wal_fsync|backend_commit)_duration_seconds_(sum|count)|process_(resident_memory_bytes|start_time_seconds|open_fds)';

/** Passwords of Patroni’s two users: an override says which one it uses, so that the other can be changed without an outage. */
export const ETCD_PASSWORDS = slots('coordination', 'etcd-password');
export const FENCER_PASSWORD = generated('etcd-fencer-password');

export const etcd = defineService({
  name: 'etcd',
  key: 'etcd',
  summary: 'etcd: where the database’s members agree on their leader',
  settings,
  build: (own, input) => {
    const members = etcdMembers(own.members, input);
    return members.map(({ name, host, address }) => ({
      name,
      role: 'coordination',
      image: input.image('etcd'),
      uid: 10006,
      host,
      networks: ['control'],
      ports: [],
      mounts: [
        { source: `${name}-data`, target: '/var/lib/etcd', kind: 'volume', readOnly: false },
        { source: 'etcd-founding', target: '/var/lib/etcd-founding', kind: 'volume', readOnly: false },
      ],
      secrets: [generated('etcd-root-password'), ...ETCD_PASSWORDS, FENCER_PASSWORD],
      certificate: memberCertificate(name, [address]),
      trust: true,
      environment: {
        ETCD_NAME: name,
        ETCD_LISTEN_CLIENT_URLS: `https://0.0.0.0:${CLIENT_PORT}`,
        ETCD_ADVERTISE_CLIENT_URLS: `https://${address}:${CLIENT_PORT}`,
        ETCD_LISTEN_PEER_URLS: `https://0.0.0.0:${PEER_PORT}`,
        // By name: addresses are kept in its data, and a network may have to move.
        ETCD_INITIAL_ADVERTISE_PEER_URLS: peerUrl(name),
        ETCD_INITIAL_CLUSTER: members.map((member) => `${member.name}=${peerUrl(member.name)}`).join(','),
        ETCD_INITIAL_CLUSTER_TOKEN: input.settings.project,
        ...clientTls('ETCD_'),
        ...clientTls('ETCD_PEER_'),
        // For the health check: on loopback, without TLS, and nothing but metrics and health.
        ETCD_LISTEN_METRICS_URLS: 'http://127.0.0.1:2381',
        // A busy host is no reason to elect a new leader (etcd's tuning guide: ten times the heartbeat).
        ETCD_HEARTBEAT_INTERVAL: '250',
        ETCD_ELECTION_TIMEOUT: '2500',
        ETCD_AUTO_COMPACTION_MODE: 'periodic',
        ETCD_AUTO_COMPACTION_RETENTION: '1h',
        ETCD_QUOTA_BACKEND_BYTES: String(256 * 1024 ** 2),
        ETCD_SNAPSHOT_COUNT: '10000',
        // All passwords are 24 random bytes: they cannot be guessed, and a slow hash would only keep a busy host busy.
        ETCD_BCRYPT_COST: '4',
        ETCD_LOG_LEVEL: 'warn',
        // Go returns memory late otherwise, and would be killed for it.
        GOMEMLIMIT: `${Math.floor(own.memory * 0.75)}B`,
        ALL_MEMBERS: members.map((member) => member.name).join(' '),
        OTHER_MEMBERS: members
          .filter((other) => other.name !== name)
          .map(clientUrl)
          .join(','),
      },
      view: {},
      memoryBytes: own.memory,
      cpus: own.cpus,
      keeps: {
        '/var/lib/etcd-founding': 'whether a cluster was ever founded: a second one would be a second truth',
        '/var/lib/etcd': 'its log and data: the leader, and what the members have agreed upon',
        '/tmp': 'nothing lasting; its entrypoint is a shell, which expects it',
        '/run': 'a lock of its own',
      },
      after: [],
      reload: ['/usr/local/bin/reload'],
      reloadsSecrets: true,
      listeners: [{ port: CLIENT_PORT, protocol: 'tls' }],
      // Where clients come in, by a certificate: with metrics, and health, but no data without a user.
      ...(monitored(input) && { metrics: [{ job: 'etcd', network: 'control', port: CLIENT_PORT, tls: true, keep: METRICS }] }),
      member: { group: 'coordination', controller: 'agent' },
      interruption: members.length > 1 ? 'none: the others continue' : 'none: the database continues, but cannot fail over meanwhile',
      urls: [],
    }));
  },
});

const peerUrl = (name: string): string => `https://${name}:${PEER_PORT}`;
const clientUrl = ({ address }: { address: string }): string => `https://${address}:${CLIENT_PORT}`;

const clientTls = (prefix: string): Record<string, string> => ({
  [`${prefix}CERT_FILE`]: '/run/certs/current/fullchain.pem',
  [`${prefix}KEY_FILE`]: '/run/certs/current/privkey.pem',
  [`${prefix}TRUSTED_CA_FILE`]: '/run/trust/internal-ca.pem',
  [`${prefix}CLIENT_CERT_AUTH`]: 'true',
});

const etcdMembers = (count: number, input: BuildInput) =>
  Array.from({ length: count }, (_, index) => ({
    name: `etcd-${index + 1}`,
    host: FIRST_HOST + index,
    address: input.address('control', FIRST_HOST + index),
  }));

/** Its members as clients find them: `192.168.0.50:2379`. */
export const etcdEndpoints = (input: BuildInput): { name: string; endpoint: string }[] =>
  etcdMembers(input.settingsOf(etcd).members, input).map(({ name, address }) => ({ name, endpoint: `${address}:${CLIENT_PORT}` }));

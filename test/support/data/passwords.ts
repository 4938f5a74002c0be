import { inside, leaderOf } from '../network/segments-stack.ts';
import { connect } from '../network/segments-writer.ts';
import type { Workspace } from '../workspace.ts';

/** The stack, once it is there. */
type At = () => Workspace;

const TLS = [
  '--cacert',
  '/run/trust/internal-ca.pem',
  '--cert',
  '/run/certs/current/fullchain.pem',
  '--key',
  '/run/certs/current/privkey.pem',
];

/** @param user of the cache @param node the member that is asked */
const redisTakes =
  (space: At, user: string, node = 'redis-1') =>
  async (password: string): Promise<boolean> => {
    const argv = ['redis-cli', '--no-auth-warning', '--tls', '--cacert', TLS[1] as string, '--user', user, '--pass', password, 'PING'];
    return (await inside(space(), node, argv)).stdout.includes('PONG');
  };
const etcdTakes = (space: At, user: string) => async (password: string) => {
  const argv = [
    'env',
    'ETCDCTL_API=3',
    `ETCDCTL_USER=${user}`,
    `ETCDCTL_PASSWORD=${password}`,
    'etcdctl',
    '--endpoints=https://127.0.0.1:2379',
  ];
  const tls = [`--cacert=${TLS[1]}`, `--cert=${TLS[3]}`, `--key=${TLS[5]}`];
  return (await inside(space(), 'etcd-1', [...argv, ...tls, 'user', 'get', user])).status === 0;
};
const postgresTakes = (space: At, user: string, database: string, options: string) => async (password: string) => {
  const leader = await leaderOf(space(), 'postgres');
  const address = `host=${leader} user=${user} dbname=${database} ${options} sslmode=verify-full sslrootcert=${TLS[1]} connect_timeout=5`;
  const query = options ? 'IDENTIFY_SYSTEM' : 'SELECT 1';
  return (await inside(space(), 'postgres-1', ['env', `PGPASSWORD=${password}`, 'psql', '-X', address, '-c', query])).status === 0;
};
const routerTakes = (space: At, user: string) => (password: string) =>
  connect(space(), { user, password }).then(
    (client) => client.end().then(() => true),
    () => false,
  );

export interface Rotated {
  name: string;
  /** Who holds it, under which names, and whether a password of it is taken. */
  holder: string;
  parts: { secret: string; takes: (password: string) => Promise<boolean> }[];
}

const both = (name: string, takes: (slot: 'a' | 'b') => (password: string) => Promise<boolean>) =>
  (['a', 'b'] as const).map((slot) => ({ secret: `${name}-${slot}`, takes: takes(slot) }));

/** Every password of the data plane that `secrets rotate` replaces. */
export function rotatedPasswords(space: At): Rotated[] {
  return [
    {
      name: 'database-password',
      holder: 'postgres-1',
      parts: both('database-password', (slot) => routerTakes(space, `medianest_${slot}`)),
    },
    { name: 'redis-password', holder: 'redis-1', parts: both('redis-password', () => redisTakes(space, 'medianest')) },
    { name: 'etcd-password', holder: 'etcd-1', parts: both('etcd-password', (slot) => etcdTakes(space, `patroni-${slot}`)) },
    { name: 'etcd-root-password', holder: 'etcd-1', parts: [{ secret: 'etcd-root-password', takes: etcdTakes(space, 'root') }] },
    { name: 'etcd-fencer-password', holder: 'etcd-1', parts: [{ secret: 'etcd-fencer-password', takes: etcdTakes(space, 'fencer') }] },
    {
      name: 'patroni-rest-password',
      holder: 'postgres-1',
      parts: [
        {
          secret: 'patroni-rest-password',
          takes: async (password) => {
            const argv = ['curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', ...TLS, '-u', `medianest:${password}`, '-X', 'POST'];
            return (await inside(space(), 'postgres-1', [...argv, 'https://127.0.0.1:8008/reload'])).stdout === '202';
          },
        },
      ],
    },
    {
      name: 'replication-password',
      holder: 'postgres-1',
      parts: [{ secret: 'replication-password', takes: postgresTakes(space, 'replicator', 'postgres', 'replication=true') }],
    },
    {
      name: 'rewind-password',
      holder: 'postgres-1',
      parts: [{ secret: 'rewind-password', takes: postgresTakes(space, 'rewinder', 'postgres', '') }],
    },
    { name: 'redis-keeper-password', holder: 'redis-1', parts: [{ secret: 'redis-keeper-password', takes: redisTakes(space, 'keeper') }] },
    {
      name: 'redis-replication-password',
      holder: 'redis-1',
      parts: [
        {
          secret: 'redis-replication-password',
          // A replica logs in to whichever of the two leads.
          takes: async (password) =>
            Promise.all(['redis-1', 'redis-4'].map((node) => redisTakes(space, 'replica', node)(password))).then((all) =>
              all.some(Boolean),
            ),
        },
      ],
    },
  ];
}

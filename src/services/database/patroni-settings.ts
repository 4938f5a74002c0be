import * as z from 'zod';
import { cpus, memory, secret, size } from '../../settings/fields.ts';

export const databaseSettings = z
  .strictObject({
    members: z
      .int()
      .min(1)
      .max(3, 'should be 1, 2 or 3')
      .default(2)
      .describe('How many servers hold the data: one is the leader, the others follow it'),
    password: secret().describe('Password of the portal’s role; made at random where it is not given'),
    memory: memory('512m').describe('Memory limit of each container; buffers and caches are derived from it'),
    cpus: cpus(2).describe('Processors that each container may use at most; never more than the host has'),
    maxConnections: z.int().min(20).max(1000).default(100).describe('Connections at most; a change restarts the members, replicas first'),
    synchronous: z
      .boolean()
      .default(true)
      .describe('A write is acknowledged when a replica has it too, so that none is lost when the leader dies'),
    ttl: z
      .int()
      .min(20, 'should be at least 20: Patroni refuses less')
      .max(300)
      .default(20)
      .describe('Seconds until a leader that is silent is replaced, where nothing proves earlier that it is dead'),
    loopWait: z.int().min(1).max(60).default(2).describe('Seconds between two looks of each member at the group'),
    retryTimeout: z
      .int()
      .min(3, 'should be at least 3: Patroni refuses less')
      .max(60)
      .default(5)
      .describe('Seconds for which etcd may be slow to answer'),
    maxReplicaLag: size('16m').describe('A replica further behind is given no reads, and does not become the leader'),
    maxSlotWal: size('2g', '64m').describe('WAL that is kept for a standby that is down; one that lacks more is copied again'),
    parameters: z
      .record(
        z.string().regex(/^[a-z_][a-z0-9_.]*$/, 'should be the name of a PostgreSQL parameter'),
        z.union([z.string(), z.number(), z.boolean()]),
      )
      .default({})
      .describe('More parameters of PostgreSQL, such as random_page_cost; PostgreSQL itself checks them before anything is changed'),
  })
  .superRefine(({ ttl, loopWait, retryTimeout, parameters }, context) => {
    if (loopWait + 2 * retryTimeout > ttl) {
      const message = `is ${ttl}, and has to be at least loopWait + 2 × retryTimeout, which is ${loopWait + 2 * retryTimeout}: the leader would lose its role while etcd is slow`;
      context.addIssue({ code: 'custom', message, path: ['ttl'], input: ttl });
    }
    for (const [name, value] of Object.entries(parameters)) {
      // In PostgreSQL's files a value ends with its line at the latest.
      if (['\n', '\0'].some((end) => String(value).includes(end)))
        context.addIssue({ code: 'custom', message: 'should be one line of text', path: ['parameters', name], input: value });
    }
    for (const name of Object.keys(parameters).filter((key) => OURS.has(key) || /^ssl/.test(key))) {
      context.addIssue({
        code: 'custom',
        message: OURS.get(name) ?? 'is medianest’s own',
        path: ['parameters', name],
        input: parameters[name],
      });
    }
  });

/** Parameters that other settings decide, and which; and words that PostgreSQL's files know beside parameters. */
const OURS = new Map([
  ['max_connections', 'is set by database.maxConnections'],
  ['shared_buffers', 'is derived from database.memory'],
  ['synchronous_standby_names', 'is Patroni’s own: database.synchronous'],
  ['max_slot_wal_keep_size', 'is set by database.maxSlotWal'],
  ...['include', 'include_if_exists', 'include_dir'].map((name): [string, string] => [
    name,
    'is no parameter: write those of the file here',
  ]),
  ...['unix_socket_directories', 'unix_socket_group', 'unix_socket_permissions'].map((name): [string, string] => [
    name,
    'is medianest’s own: the socket is for the container alone',
  ]),
  ...[
    'listen_addresses',
    'port',
    'hba_file',
    'ident_file',
    'wal_level',
    'hot_standby',
    'archive_mode',
    'archive_command',
    'archive_timeout',
    'restore_command',
    'cluster_name',
    'fsync',
    'full_page_writes',
  ].map((name): [string, string] => [name, 'is medianest’s own: the data depends on it']),
]);

export type DatabaseSettings = z.output<typeof databaseSettings>;

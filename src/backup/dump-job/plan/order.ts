/** What a restore of dumps is told, by its environment (templates/backup/image/restore-dump). */
export interface DumpOrder {
  /** The folder that becomes a cluster with what was dumped. */
  data: string;
  /** restic’s snapshots: of the roles, and of each database. */
  roles: string;
  dumps: string[];
  /** Whether every page and index is checked. */
  check: boolean;
}

/** @throws Error where it says too little */
export function parseDumpOrder({ DATA = '', ROLES = '', DUMPS = '', CHECK = '' }: Readonly<Record<string, string | undefined>>): DumpOrder {
  const dumps = DUMPS.split(' ').filter(Boolean);
  if (DATA === '' || ROLES === '') throw new Error('restore-dump needs DATA and ROLES');
  return { data: DATA, roles: ROLES, dumps, check: CHECK === 'yes' };
}

/** A cluster as the image of the database makes it (templates/postgres/image/entrypoint). */
export const initdbOptions = (data: string): string[] => [
  ...[`--pgdata=${data}`, '--username=postgres', '--locale=C.UTF-8', '--encoding=UTF8', '--data-checksums'],
  ...['--auth-local=peer', '--auth-host=scram-sha-256', '--no-sync', '--no-instructions'],
];

/** The server that takes the dumps. It is synced once, at its end: one that is killed starts over. */
export const DUMP_CONF = `listen_addresses = ''
unix_socket_directories = '/tmp'
hba_file = '/tmp/hba.conf'
archive_mode = off
wal_level = minimal
max_wal_senders = 0
fsync = off
full_page_writes = off
synchronous_commit = off
autovacuum = off
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 0
shared_buffers = 64MB
maintenance_work_mem = 64MB
max_wal_size = 1GB
max_connections = 20
log_timezone = 'UTC'
log_statement = 'none'
log_min_error_statement = panic
`;

/** The roles of a cluster that begins with one of them. @param dump what `pg_dumpall --roles-only` printed */
export const rolesToMake = (dump: string): string =>
  dump
    .split('\n')
    .filter((line) => line !== 'CREATE ROLE postgres;')
    .join('\n');

/** The server that recovers: it has no network, archives nothing, and takes connections from here alone. */
export const RECOVERY_CONF = `listen_addresses = ''
unix_socket_directories = '/tmp'
hba_file = '/tmp/hba.conf'
hot_standby = off
archive_mode = off
shared_buffers = 64MB
max_wal_size = 1GB
max_connections = 20
log_line_prefix = '%m '
log_timezone = 'UTC'
wal_level = replica
`;
export const HBA_CONF = 'local all postgres peer\n';

/** Settings that are meant for this recovery: they must not hold for the cluster that it becomes. */
const OF_RECOVERY = /^(restore_command|recovery_|archive_mode|# Recovery settings generated)/;

export const withoutRecovery = (settings: string): string =>
  settings
    .split('\n')
    .filter((line) => !OF_RECOVERY.test(line))
    .join('\n');

/** Follows WAL from what is there, on its own timeline, to the end of that. @param backrest the words of its command */
export function continueSettings(settings: string, backrest: readonly string[]): string {
  const before = withoutRecovery(settings);
  return `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}restore_command = '${backrest.join(' ')} archive-get %f "%p"'
recovery_target_timeline = 'current'
archive_mode = 'off'
`;
}

/** The last line in which PostgreSQL says why it ended. */
export const lastFatal = (log: string): string =>
  log
    .split('\n')
    .filter((line) => /FATAL|PANIC/.test(line))
    .at(-1) ?? '';

/** When the last transaction was committed that recovery has followed; empty where there was none after the set. */
export const lastTransaction = (log: string): string =>
  log
    .split('\n')
    .flatMap((line) => /last completed transaction was at log time (.*)/.exec(line)?.[1] ?? [])
    .at(-1) ?? '';

/**
 * Histories of timelines that are not marked for the archive yet. They have to reach it once this is the cluster: no other
 * restore may choose the number of this timeline.
 * @param wal names in `pg_wal`, @param status names in `pg_wal/archive_status`
 */
export const unmarkedHistories = (wal: readonly string[], status: readonly string[]): string[] =>
  wal.filter((name) => name.endsWith('.history') && !status.includes(`${name}.done`));

/** What the restored database says of itself, as JSON. */
export const FACTS_SQL = `select json_build_object(
  'timeline', (select timeline_id from pg_control_checkpoint()),
  'lsn', pg_current_wal_lsn(),
  'bytes', (select sum(pg_database_size(oid)) from pg_database),
  'rows', (select coalesce(json_object_agg(relname, (xpath('/row/c/text()',
     query_to_xml(format('select count(*) as c from %I.%I', nspname, relname), false, true, '')))[1]::text::bigint), '{}')
     from pg_class join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname = 'public'))`;

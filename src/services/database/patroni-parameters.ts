import type { JsonObject } from '../../core/json.ts';
import type { SettingsTrial } from '../../stack/settings-trial.ts';
import type { DatabaseSettings } from './patroni-settings.ts';
import { postgresView } from './postgres.ts';

const PGBACKREST = 'pgbackrest --config=/etc/medianest/current/pgbackrest.conf --stanza=medianest';

/** WAL goes to the repository. No member fetches any from there: one that takes over would ask for it first, and writes would wait. */
const archived = (seconds: number) => ({
  archive_mode: 'on',
  archive_command: `${PGBACKREST} archive-push "%p"`,
  archive_timeout: `${seconds}s`,
});

/**
 * What all members share (Patroni's manual, "Dynamic Configuration Settings"); PostgreSQL's part as in its manual, chapter 19.
 * @param archiveSeconds how long WAL may wait for the archive; undefined where there is none
 */
export function dynamicSettings(own: DatabaseSettings, archiveSeconds?: number) {
  const { maxConnections, sharedBuffersMiB, effectiveCacheSizeMiB, workMemMiB, maintenanceWorkMemMiB, maxWalSizeMiB, slowQueryMs } =
    postgresView(own.memory, own.maxConnections, '*');
  return {
    ttl: own.ttl,
    loop_wait: own.loopWait,
    retry_timeout: own.retryTimeout,
    maximum_lag_on_failover: own.maxReplicaLag,
    // Not strict: without any standby the leader continues alone, and no member that lacks acknowledged writes can take over.
    synchronous_mode: own.synchronous && own.members > 1,
    // etcd may be down: the leader continues for as long as it reaches all other members.
    failsafe_mode: true,
    postgresql: {
      use_pg_rewind: true,
      use_slots: true,
      parameters: {
        max_connections: maxConnections,
        max_worker_processes: 8,
        max_wal_senders: 10,
        max_replication_slots: 10,
        max_locks_per_transaction: 64,
        max_prepared_transactions: 0,
        wal_level: 'replica',
        wal_log_hints: 'on',
        hot_standby: 'on',
        shared_buffers: `${sharedBuffersMiB}MB`,
        effective_cache_size: `${effectiveCacheSizeMiB}MB`,
        work_mem: `${workMemMiB}MB`,
        maintenance_work_mem: `${maintenanceWorkMemMiB}MB`,
        max_wal_size: `${maxWalSizeMiB}MB`,
        min_wal_size: '80MB',
        wal_compression: 'on',
        wal_keep_size: '128MB',
        max_slot_wal_keep_size: `${Math.floor(own.maxSlotWal / 1024 ** 2)}MB`,
        // A member that vanished is noticed in seconds, not in a minute.
        wal_sender_timeout: '5s',
        wal_receiver_timeout: '5s',
        wal_receiver_status_interval: '1s',
        wal_retrieve_retry_interval: '1s',
        jit: 'off',
        password_encryption: 'scram-sha-256',
        tcp_keepalives_idle: 60,
        tcp_keepalives_interval: 10,
        tcp_keepalives_count: 3,
        client_connection_check_interval: '10s',
        idle_in_transaction_session_timeout: '5min',
        logging_collector: 'off',
        log_destination: 'stderr',
        log_line_prefix: '%m [%p] %q%u@%d ',
        log_timezone: 'UTC',
        timezone: 'UTC',
        log_checkpoints: 'off',
        log_lock_waits: 'on',
        log_min_duration_statement: slowQueryMs,
        // Values of parameters are users' data.
        log_parameter_max_length: 0,
        log_parameter_max_length_on_error: 0,
        ...(archiveSeconds !== undefined && archived(archiveSeconds)),
        ...own.parameters,
      } as JsonObject,
    },
  };
}

/** Parameters that PostgreSQL reads at its start alone (its view pg_settings, context `postmaster`), among those that may be set here. */
const AT_START = new Set([
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_replication_slots',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'shared_buffers',
  'wal_log_hints',
  'archive_mode',
  'wal_buffers',
  'huge_pages',
  'shared_preload_libraries',
  'track_commit_timestamp',
  'track_activity_query_size',
  'autovacuum_max_workers',
  'autovacuum_freeze_max_age',
  'autovacuum_multixact_freeze_max_age',
  'max_files_per_process',
  'max_logical_replication_workers',
  'max_pred_locks_per_transaction',
  'superuser_reserved_connections',
  'reserved_connections',
  'min_dynamic_shared_memory',
  'shared_memory_type',
  'dynamic_shared_memory_type',
  'jit_provider',
  'old_snapshot_threshold',
  'recovery_target',
  'event_source',
  'bonjour',
  'commit_timestamp_buffers',
  'multixact_member_buffers',
  'multixact_offset_buffers',
  'notify_buffers',
  'serializable_buffers',
  'subtransaction_buffers',
  'transaction_buffers',
  'wal_decode_buffer_size',
  'ignore_invalid_pages',
  'data_sync_retry',
  'debug_io_direct',
  'huge_page_size',
  'max_notify_queue_pages',
]);

export const restartSettings = ({ postgresql }: ReturnType<typeof dynamicSettings>): JsonObject =>
  Object.fromEntries(Object.entries(postgresql.parameters).filter(([name]) => AT_START.has(name)));

/** PostgreSQL itself judges all of them; `check-parameters` reads `name=value`, each ended by a NUL. */
export const parameterTrial = ({ postgresql }: ReturnType<typeof dynamicSettings>): SettingsTrial => ({
  setting: 'database.parameters',
  argv: ['/usr/local/bin/check-parameters'],
  input: Object.entries(postgresql.parameters)
    .map(([name, value]) => `${name}=${value}\0`)
    .join(''),
  // That of templates/patroni/compose.yml.hbs: PostgreSQL allocates some of it at its start.
  sharedMemory: '256m',
  remedy:
    'correct or remove it under `database.parameters` in medianest.yml (buffers follow `database.memory`, connections `database.maxConnections`)',
});

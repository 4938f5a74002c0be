import { type Panel, panel } from './panel.ts';

/** Where data is: database, cache, backups. */
export const DATA_PANELS: readonly Panel[] = [
  panel('database', 'db-leader', 'count', 'Leaders: one is right', 'sum(patroni_primary{job="patroni"})', {
    upTo: 2,
    description: 'Members that take writes. More than one: the database is split, an alert fires.',
  }),
  panel(
    'database',
    'db-lag',
    'bytes',
    'WAL that a replica has not replayed yet',
    'clamp_min(max(patroni_xlog_location{job="patroni"}) - on () group_right () patroni_xlog_replayed_location{job="patroni"}, 0) and patroni_replica{job="patroni"} == 1',
    {
      by: 'instance',
      description: 'How far each standby is behind the leader. That much is lost where a standby that is not synchronous has to take over.',
      warn: 16777216,
      bad: 268435456,
    },
  ),
  panel(
    'database',
    'db-commits',
    'perSecond',
    'Transactions',
    'sum by (instance) (rate(pg_stat_database_xact_commit{job="postgres"}[$window]))',
    { by: 'instance', description: 'Transactions that were committed, by member.' },
  ),
  panel('database', 'db-connections', 'count', 'Connections', 'sum by (instance) (pg_stat_database_numbackends{job="postgres"})', {
    by: 'instance',
    description: 'Connections to each member, of all users.',
  }),
  panel('database', 'db-size', 'bytes', 'Size', 'max(sum by (instance) (pg_database_size_bytes{job="postgres"}))', {
    description: 'Size of all databases of a member on disk.',
  }),
  panel(
    'database',
    'db-longest',
    'seconds',
    'Longest transaction',
    'max by (instance) (pg_stat_activity_max_tx_duration{job="postgres"})',
    {
      by: 'instance',
      description: 'Age of the oldest transaction that is open. A long one keeps dead rows from being removed.',
      warn: 300,
      bad: 3600,
    },
  ),
  panel('database', 'etcd-leader', 'count', 'Members of etcd that know a leader', 'sum(etcd_server_has_leader{job="etcd"})', {
    upTo: 3,
    description: 'Members of etcd that know who leads. Fewer than a majority: the database can elect no leader.',
  }),
  panel('cache', 'cache-slots', 'count', 'Slots that are served, of 16,384', 'max(redis_cluster_slots_ok{job="redis"})', {
    upTo: 16_384,
    of: 'redis-cluster',
    description: 'Slots of the cache that a node serves. Fewer than 16,384: some keys cannot be read or written.',
  }),
  panel('cache', 'cache-leaders', 'count', 'Nodes that lead', 'sum(redis_instance_info{job="redis", role="master"})', {
    upTo: 3,
    description: 'Nodes of the cache that take writes: three of a cluster, one beside sentinels. One more for a moment is a failover.',
  }),
  panel(
    'cache',
    'cache-memory',
    'percent',
    'Memory, of what a node may use',
    'redis_memory_used_bytes{job="redis"} / (redis_memory_max_bytes{job="redis"} > 0)',
    {
      by: 'instance',
      upTo: 1,
      description: 'Memory of each node, of its limit (`maxmemory`). At the limit, keys are evicted.',
      warn: 0.8,
      bad: 0.95,
    },
  ),
  panel(
    'cache',
    'cache-commands',
    'perSecond',
    'Commands',
    'sum by (instance) (rate(redis_commands_processed_total{job="redis"}[$window]))',
    { by: 'instance', description: 'Commands that each node has carried out.' },
  ),
  panel(
    'cache',
    'cache-keys',
    'count',
    'Keys of the leaders',
    'sum(redis_db_keys{job="redis"} unless on (instance) redis_master_link_up{job="redis"})',
    { description: 'Keys of all nodes that own slots.' },
  ),
  panel('backups', 'wal-age', 'seconds', 'Age of the newest WAL in the archive', 'min(pg_stat_archiver_last_archive_age{job="postgres"})', {
    of: 'patroni',
    description: 'Time since the newest segment of WAL reached the repository: what a disaster would cost (RPO).',
    warn: 900,
    bad: 3600,
  }),
  panel(
    'backups',
    'wal-archived',
    'count',
    'WAL segments that were archived, each hour',
    'sum(rate(pg_stat_archiver_archived_count{job="postgres"}[$window])) * 3600',
    { of: 'patroni', description: 'Segments of WAL that reached the repository.' },
  ),
  panel(
    'backups',
    'wal-failed',
    'count',
    'Attempts to archive that failed, each hour',
    'sum(rate(pg_stat_archiver_failed_count{job="postgres"}[$window])) * 3600',
    {
      of: 'patroni',
      upTo: 4,
      description: 'Attempts to archive a segment that failed. WAL then stays on the disk of the leader.',
      warn: 1,
      bad: 4,
    },
  ),
];

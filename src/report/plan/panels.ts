/** What a number counts. */
export type Unit = 'percent' | 'perSecond' | 'seconds' | 'bytes' | 'count' | 'days';

/** In the order of the page. */
export const SECTIONS = ['overview', 'edge', 'app', 'database', 'cache', 'backups', 'certificates', 'host'] as const;
export type SectionName = (typeof SECTIONS)[number];

export const SECTION_TITLES: Readonly<Record<SectionName, string>> = {
  overview: 'Overview',
  edge: 'Edge',
  app: 'Application',
  database: 'Database',
  cache: 'Cache',
  backups: 'Backups and RPO',
  certificates: 'Certificates',
  host: 'Host',
};

/** One picture: what is drawn, and how it is asked for. */
export interface Panel {
  id: string;
  section: SectionName;
  title: string;
  unit: Unit;
  /** `$window` is the time over which a rate is taken. */
  query: string;
  /** The label that tells its lines apart; one line where nothing is said. */
  by?: string;
  /** The least that its axis reaches up to: a share of 2 % should not look like all. */
  upTo?: number;
}

const APP = 'job="balancer",proxy="app"';

const panel = (
  section: SectionName,
  id: string,
  unit: Unit,
  title: string,
  query: string,
  more: Pick<Panel, 'by' | 'upTo'> = {},
): Panel => ({ id, section, title, unit, query, ...more });

/** Everything that the dashboard and the report draw of Prometheus. A test asks each of a running stack. */
export const PANELS: readonly Panel[] = [
  panel(
    'overview',
    'availability',
    'percent',
    'Requests as a visitor sends them that succeed',
    'avg by (site) (avg_over_time(probe_success{job="edge"}[$window]))',
    { by: 'site', upTo: 1 },
  ),
  panel(
    'overview',
    'requests',
    'perSecond',
    'Requests to the application',
    `sum(rate(haproxy_backend_http_requests_total{${APP}}[$window]))`,
  ),
  panel(
    'overview',
    'errors',
    'percent',
    'Answers that are errors (5xx)',
    `sum(rate(haproxy_backend_http_responses_total{${APP},code="5xx"}[$window])) / (sum(rate(haproxy_backend_http_responses_total{${APP}}[$window])) > 0) or 0 * sum(rate(haproxy_backend_http_responses_total{${APP}}[$window]))`,
    { upTo: 0.05 },
  ),
  panel('overview', 'alerts', 'count', 'Alerts that fire', 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)', { upTo: 4 }),
  panel(
    'edge',
    'latency',
    'seconds',
    'Time until an answer, as a visitor sees it',
    'max by (site) (quantile_over_time(0.95, probe_duration_seconds{job="edge"}[$window]))',
    { by: 'site' },
  ),
  panel(
    'edge',
    'phases',
    'seconds',
    'Where that time goes',
    'avg by (phase) (avg_over_time(probe_http_duration_seconds{job="edge"}[$window]))',
    { by: 'phase' },
  ),
  panel('edge', 'connections', 'count', 'Connections', 'nginx_connections_active'),
  panel(
    'edge',
    'edge-requests',
    'perSecond',
    'Requests, also those that the edge answers itself',
    'rate(nginx_http_requests_total[$window])',
  ),
  panel('app', 'replicas', 'count', 'Replicas that serve', `haproxy_backend_active_servers{${APP}}`, { upTo: 2 }),
  panel('app', 'app-time', 'seconds', 'Time until the application answers (mean)', `haproxy_backend_response_time_average_seconds{${APP}}`),
  panel(
    'app',
    'app-codes',
    'perSecond',
    'Answers by their code',
    `sum by (code) (rate(haproxy_backend_http_responses_total{${APP}}[$window]))`,
    { by: 'code' },
  ),
  panel('app', 'sessions', 'count', 'Requests in flight', `haproxy_server_current_sessions{${APP}}`, { by: 'server' }),
  panel('app', 'queue', 'count', 'Requests that wait for a replica', `haproxy_backend_current_queue{${APP}}`),
  panel('database', 'db-leader', 'count', 'Leaders: one is right', 'sum(patroni_primary)', { upTo: 2 }),
  panel(
    'database',
    'db-lag',
    'bytes',
    'WAL that a replica has not replayed yet',
    'clamp_min(max(patroni_xlog_location) - on () group_right () patroni_xlog_replayed_location, 0) and patroni_replica == 1',
    { by: 'instance' },
  ),
  panel('database', 'db-commits', 'perSecond', 'Transactions', 'sum by (instance) (rate(pg_stat_database_xact_commit[$window]))', {
    by: 'instance',
  }),
  panel('database', 'db-connections', 'count', 'Connections', 'sum by (instance) (pg_stat_database_numbackends)', { by: 'instance' }),
  panel('database', 'db-size', 'bytes', 'Size', 'max(sum by (instance) (pg_database_size_bytes))'),
  panel('database', 'db-longest', 'seconds', 'Longest transaction', 'max by (instance) (pg_stat_activity_max_tx_duration)', {
    by: 'instance',
  }),
  panel('database', 'etcd-leader', 'count', 'Members of etcd that know a leader', 'sum(etcd_server_has_leader)', { upTo: 3 }),
  panel('cache', 'cache-slots', 'count', 'Slots that are served, of 16,384', 'max(redis_cluster_slots_ok)', { upTo: 16_384 }),
  panel('cache', 'cache-memory', 'percent', 'Memory, of what a node may use', 'redis_memory_used_bytes / (redis_memory_max_bytes > 0)', {
    by: 'instance',
    upTo: 1,
  }),
  panel('cache', 'cache-commands', 'perSecond', 'Commands', 'sum by (instance) (rate(redis_commands_processed_total[$window]))', {
    by: 'instance',
  }),
  panel('cache', 'cache-keys', 'count', 'Keys of the leaders', 'sum(redis_db_keys unless on (instance) redis_master_link_up)'),
  panel('backups', 'wal-age', 'seconds', 'Age of the newest WAL in the archive', 'min(pg_stat_archiver_last_archive_age)'),
  panel(
    'backups',
    'wal-archived',
    'count',
    'WAL segments that were archived, each hour',
    'sum(rate(pg_stat_archiver_archived_count[$window])) * 3600',
  ),
  panel(
    'backups',
    'wal-failed',
    'count',
    'Attempts to archive that failed, each hour',
    'sum(rate(pg_stat_archiver_failed_count[$window])) * 3600',
    { upTo: 4 },
  ),
  panel(
    'certificates',
    'certificate-days',
    'days',
    'Days until the certificate that visitors see expires',
    'min by (site) (probe_ssl_earliest_cert_expiry{job="edge"} - time()) / 86400',
    { by: 'site' },
  ),
  panel('host', 'cpu', 'percent', 'Processors that are busy', '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[$window]))', { upTo: 1 }),
  panel('host', 'memory', 'percent', 'Memory in use', '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes', { upTo: 1 }),
  panel(
    'host',
    'disk',
    'percent',
    'Disk space in use',
    'max by (mountpoint) (1 - node_filesystem_avail_bytes / node_filesystem_size_bytes)',
    { by: 'mountpoint', upTo: 1 },
  ),
  panel(
    'host',
    'inodes',
    'percent',
    'Inodes in use',
    'max by (mountpoint) (1 - node_filesystem_files_free / (node_filesystem_files > 0))',
    { by: 'mountpoint', upTo: 1 },
  ),
  panel(
    'host',
    'pressure',
    'percent',
    'Time in which something waits for the disk',
    'rate(node_pressure_io_waiting_seconds_total[$window])',
    { upTo: 1 },
  ),
];

/** So many scrapes are in a window: a rate needs two, and one may be missed. */
const SCRAPES = 4;

/** The query for points that are so far apart. @param scrape seconds between two scrapes */
export const queryOf = ({ query }: Pick<Panel, 'query'>, step: number, scrape: number): string =>
  query.replaceAll('$window', `${Math.max(step, SCRAPES * scrape)}s`);

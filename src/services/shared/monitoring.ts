import type { MetricsSource } from '../../stack/metrics.ts';
import type { BuildInput } from '../../stack/service.ts';
import { generated } from './member.ts';

/** Numbers of Prometheus and the exporters in their networks. Services that admit only one of them need its address. */
export const MONITORING_HOSTS = {
  prometheus: 80,
  'node-exporter': 81,
  'postgres-exporter': 82,
  'redis-exporter': 83,
  'blackbox-exporter': 84,
  'nginx-exporter': 85,
  alertmanager: 86,
  'alert-relay': 87,
  grafana: 90,
  elasticsearch: 91,
  kibana: 92,
  jaeger: 93,
};

/** Of the exporter’s role in the database and of its user in the cache, which exist while there is this secret. */
export const DATABASE_MONITOR_PASSWORD = generated('database-monitor-password');
export const CACHE_MONITOR_PASSWORD = generated('redis-monitor-password');

/** How each exporter is asked about another container: the part of a scrape that those containers need not know. */
export const POSTGRES_EXPORTER = {
  via: 'postgres-exporter',
  network: 'monitoring',
  port: 9187,
  path: '/probe',
  keep: 'pg_(up|exporter_last_scrape_error|database_size_bytes|locks_count|stat_archiver_.*|stat_activity_(count|max_tx_duration)|stat_database_(numbackends|xact_commit|xact_rollback|blks_hit|blks_read|deadlocks|temp_bytes|conflicts)|replication_slot_.*|stat_bgwriter_.*|wal_.*)',
} as const;
export const REDIS_EXPORTER = {
  via: 'redis-exporter',
  network: 'monitoring',
  port: 9121,
  path: '/scrape',
  keep: 'redis_(up|uptime_in_seconds|connected_(clients|slaves)|blocked_clients|rejected_connections_total|commands_processed_total|keyspace_(hits|misses)_total|evicted_keys_total|expired_keys_total|db_keys|memory_(used_bytes|max_bytes|used_rss_bytes)|master_link_up|master_last_io_seconds_ago|aof_last_(write|bgrewrite)_status|cluster_.*|instance_info)',
} as const;
export const BLACKBOX_EXPORTER = { via: 'blackbox-exporter', network: 'monitoring', port: 9115, path: '/probe' } as const;
export const NGINX_EXPORTER = { via: 'nginx-exporter', network: 'monitoring', port: 9113 } as const;

/** Where nginx tells its exporter how many connections it has. */
export const STATUS_PORT = 8084;
/** The agent in its networks, and where it tells Prometheus of itself and of the containers. */
export const AGENT_HOST = 60;
export const AGENT_METRICS = { job: 'agent', network: 'monitoring', port: 9180 } as const;

/** Where HAProxy serves its metrics, and its statistics as a page. */
export const HAPROXY_PORT = 8404;

/** Whether the stack is monitored: services listen for scrapes, and know the exporters’ users, only then. */
export const monitored = ({ settings }: Pick<BuildInput, 'settings'>): boolean => settings.observability !== 'off';

/** What an HAProxy adds to its blueprint, and to its view: metrics for Prometheus alone. */
export function haproxyMetrics(job: string, network: 'app' | 'db', input: BuildInput) {
  if (!monitored(input)) return { blueprint: {}, view: { metricsFor: null } };
  const source: MetricsSource = { job, network, port: HAPROXY_PORT, keep: HAPROXY_METRICS };
  return {
    blueprint: { metrics: [source] },
    view: { metricsFor: { address: input.address(network, MONITORING_HOSTS.prometheus), port: HAPROXY_PORT } },
  };
}

/** Of more than a hundred names, each for every server, those that alerts and a look at its load need. */
const HAPROXY_METRICS = [
  'haproxy_process_(current_connections|max_connections|start_time_seconds)',
  'haproxy_frontend_(current_sessions|http_requests_total|http_responses_total)',
  'haproxy_backend_(active_servers|status|current_queue|current_sessions|http_requests_total|http_responses_total|response_time_average_seconds|connection_errors_total|response_errors_total)',
  'haproxy_server_(status|current_sessions|http_responses_total|check_failures_total)',
].join('|');

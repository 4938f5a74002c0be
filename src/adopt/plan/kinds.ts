import type { ComposeProject, ComposeService } from './compose-project.ts';
import { proxiesTo } from './routes.ts';

/** What a service of a foreign project is to this stack. */
export type Kind = 'app' | 'process' | 'migration' | 'database' | 'cache' | 'proxy' | 'other-store' | 'replaced' | 'cron';

/** The last part of an image's name, without registry and tag: `postgres` of `docker.io/library/postgres:15@sha256:...`. */
export const imageName = (image: string): string =>
  (image.split('@')[0] as string).split('/').at(-1)?.replace(/:.*$/, '').toLowerCase() ?? '';

const DATABASE = /^(postgres|postgresql|postgis|pgvector|timescaledb|timescaledb-ha|postgresql-repmgr|supabase-postgres|alloydbomni)$/;
const CACHE = /^(redis|redis-stack|redis-stack-server|valkey|keydb|dragonfly|eqalpha|redis-alpine)$/;
const PROXY =
  /^(nginx|nginx-proxy|nginx-unprivileged|openresty|traefik|caddy|haproxy|httpd|envoy|swag|nginx-proxy-manager|caddy-docker-proxy|kong|apisix)$/;

/** Stores that this stack does not have, and what they are. */
const STORES: readonly (readonly [RegExp, string])[] = [
  [/^(mysql|mariadb|percona|percona-server)$/, 'MySQL'],
  [/^mongo(db)?(-community-server)?$/, 'MongoDB'],
  [/^(mssql|server|azure-sql-edge)$/, 'SQL Server'],
  [/^(rabbitmq|kafka|nats|activemq|mosquitto|emqx|zookeeper|redpanda)$/, 'a message broker'],
  [/^(elasticsearch|opensearch|meilisearch|typesense|solr|qdrant|weaviate|chroma)$/, 'a search engine'],
  [/^(minio|seaweedfs|garage)$/, 'an object storage'],
  [/^(memcached|influxdb|clickhouse(-server)?|cassandra|couchdb|couchbase|neo4j|cockroach|etcd|consul|vault|questdb)$/, 'another store'],
];

/** Programs whose work medianest does itself. */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/^(watchtower|diun|ouroboros)$/, 'images are updated by `medianest update` and `medianest deploy`'],
  [
    /^(certbot|acme-companion|letsencrypt-nginx-proxy-companion|acme\.sh|lego|step-ca)$/,
    'certificates are issued and renewed by medianest (edge.certificate)',
  ],
  [
    /^(postgres-backup-local|postgres-backup-s3|docker-volume-backup|restic|borgmatic|duplicati|pgbackrest|db-backup|pg_dump|docker-db-backup)$/,
    '`medianest backup` keeps the database, files and cache',
  ],
  [
    /^(prometheus|grafana|loki|promtail|alertmanager|cadvisor|node-exporter|postgres-exporter|redis_exporter|alloy|telegraf|netdata|blackbox-exporter)$/,
    '`observability: light` monitors the stack',
  ],
  [
    /^(adminer|pgadmin4?|phpmyadmin|redis-commander|redisinsight|portainer(-ce)?|dozzle|lazydocker|pgweb)$/,
    '`medianest exec postgres psql`, `medianest logs` and `medianest status` look at it',
  ],
  [/^(pgbouncer|pgcat|odyssey|pgpool|sentinel|redis-sentinel|autoheal|docker-socket-proxy)$/, 'the stack has its own'],
  [
    /^(fail2ban|crowdsec|modsecurity|modsecurity-crs|authelia|oauth2-proxy)$/,
    'the edge limits and filters requests (edge.waf, edge.login)',
  ],
  [/^(cloudflared|ngrok|tailscale|wireguard|gluetun)$/, 'a tunnel stays in its own project, and leads to the edge'],
];

const CRON = /^(ofelia|supercronic|chadburn|crond?|docker-cron)$/;

const BACKGROUND =
  /(^|[-_.])(worker|workers|cron|scheduler|schedule|queue|jobs?|beat|celery|sidekiq|consumer|horizon|mailer|bot|daemon|indexer)([-_.\d]|$)/i;
const BACKGROUND_COMMAND =
  /\b(worker|celery|sidekiq|rq|queue:work|horizon|bullmq|beat|scheduler|schedule:work|crond?|consumer|resque|dramatiq|huey)\b/i;
const MIGRATION = /(^|[-_.])(migrat\w*|setup|init|seed|bootstrap)([-_.\d]|$)/i;
const FRONT = /(^|[-_.])(web|app|frontend|front|server|site|portal|ui|www|http|main)([-_.\d]|$)/i;

export interface Judged {
  service: ComposeService;
  kind: Kind;
  /** Why it has no place here, for those that have none. */
  why?: string;
}

/** What each service is. @param app the operator's choice @param texts of files that proxies mount, by service */
export function judgeServices(project: ComposeProject, app: string | undefined, texts: Readonly<Record<string, string>>): Judged[] {
  const first = project.services.map((service): Judged => {
    const judged = byImage(service);
    return judged.kind === 'process' && service.profiles.length > 0 && service.name !== app
      ? { service, kind: 'replaced', why: `it is of the Compose profile ${service.profiles.join(', ')}, and starts there only on demand` }
      : { service, ...judged };
  });
  const chosen =
    first.find(({ service }) => service.name === app) ??
    first
      .filter(({ kind }) => kind === 'process')
      .map((entry) => ({ ...entry, score: score(entry.service, project, texts) }))
      .sort((a, b) => b.score - a.score)
      .find(({ score: points }) => points > 0);
  return first.map((entry) => {
    if (entry.service.name === (app ?? chosen?.service.name)) return { service: entry.service, kind: 'app' };
    if (entry.kind === 'process' && isMigration(entry.service, project)) return { ...entry, kind: 'migration' };
    return entry;
  });
}

function byImage(service: ComposeService): { kind: Kind; why?: string } {
  const name = imageName(service.image);
  if (service.built && service.raw.image === undefined) return { kind: 'process' };
  if (DATABASE.test(name)) return { kind: 'database' };
  if (CACHE.test(name)) return { kind: 'cache' };
  if (PROXY.test(name)) return { kind: 'proxy' };
  if (CRON.test(name))
    return { kind: 'cron', why: 'it starts containers of others; a process that runs its own timetable can be one of `services`' };
  const store = STORES.find(([pattern]) => pattern.test(name));
  if (store)
    return {
      kind: 'other-store',
      why: `${store[1]} is not part of this stack: let it run in a project of its own, and name its host in app.egress`,
    };
  const replaced = REPLACED.find(([pattern]) => pattern.test(name));
  return replaced ? { kind: 'replaced', why: replaced[1] } : { kind: 'process' };
}

const isMigration = ({ name, restart, command }: ComposeService, { services }: ComposeProject): boolean =>
  services.some(({ dependsOn }) => dependsOn[name] === 'service_completed_successfully') ||
  (MIGRATION.test(name) && (restart === undefined || restart === 'no') && command.length > 0);

function score(service: ComposeService, project: ComposeProject, texts: Readonly<Record<string, string>>): number {
  const { name, ports, expose, labels, command, dependsOn } = service;
  if (isMigration(service, project)) return -100;
  const routed = Object.keys(labels).some((label) => /^traefik\.http\.(routers|services)\./.test(label) || /^caddy/.test(label));
  const rule = Object.entries(labels).find(([label]) => /^traefik\.http\.routers\..*\.rule$/.test(label))?.[1] ?? '';
  return (
    (proxiesTo(texts, name) === 'root' ? 100 : proxiesTo(texts, name) ? 40 : 0) +
    (routed ? 60 : 0) +
    (/PathPrefix/.test(rule) ? -20 : 0) +
    (ports.length > 0 ? 40 : 0) +
    (expose.length > 0 ? 10 : 0) +
    (FRONT.test(name) ? 15 : 0) +
    ('PORT' in service.environment || 'VIRTUAL_PORT' in service.environment ? 10 : 0) +
    (Object.keys(dependsOn).length > 0 ? 5 : 0) +
    (service.health?.test.some((word) => /https?:\/\//.test(word)) ? 20 : 0) +
    (BACKGROUND.test(name) ? -60 : 0) +
    (command.some((word) => BACKGROUND_COMMAND.test(word)) ? -30 : 0)
  );
}

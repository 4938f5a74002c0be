// @ts-check
import { hostname } from 'node:os';
import { parsePostgresUrl, parseRedisUrl, tlsOptions } from './connection-url.js';
import { httpUrl, number, secret } from './env.js';
import { ConfigError } from './errors.js';
import { readChannels } from './notify/channels.js';
import { readSignOn } from './sign-on/config.js';

/** @typedef {ReturnType<typeof readConfig>} Config */
/** @typedef {import('./env.js').Env} Env */

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @param {Env} env */
export function readConfig(env) {
  // node --watch sets this variable in the process it restarts.
  const development = env.NODE_ENV === 'development' || env.WATCH_REPORT_DEPENDENCIES !== undefined;
  return {
    development,
    port: number(env, 'PORT', 3000, 65535),
    host: env.HOST || '0.0.0.0',
    tls: tls(env),
    assetsUrl: assetsUrl(env),
    readyGraceMs: number(env, 'READY_GRACE', 5, 300) * 1000,
    drainMs: development ? 0 : number(env, 'DRAIN_SECONDS', 2, 15) * 1000,
    app: { name: env.APP_NAME || 'MediaNest', version: env.APP_VERSION || '1.0.0', replica: env.APP_REPLICA || hostname() },
    database: { leader: databaseUrl(env, 'DATABASE_URL', true), replica: databaseUrl(env, 'DATABASE_REPLICA_URL', false) },
    redis: redis(env),
    uploads: {
      path: env.UPLOADS_PATH || '/srv/uploads',
      limit: number(env, 'UPLOAD_LIMIT_BYTES', 1024 ** 3, Number.MAX_SAFE_INTEGER),
      quota: number(env, 'UPLOAD_QUOTA_BYTES', 100 * 1024 ** 3, Number.MAX_SAFE_INTEGER),
      clientQuota: number(env, 'UPLOAD_CLIENT_QUOTA_BYTES', 10 * 1024 ** 3, Number.MAX_SAFE_INTEGER),
      reserve: number(env, 'UPLOAD_RESERVE_BYTES', 1024 ** 3, Number.MAX_SAFE_INTEGER),
    },
    // With object storage there is no folder, and an empty one would be shown as an empty library.
    mediaPath: env.MEDIA_PATH || (env.S3_ENDPOINT ? undefined : '/srv/media'),
    traces: traces(env),
    signOn: readSignOn(env),
    channels: readChannels(env),
    services: {
      plex: service(env, 'PLEX_URL', 'PLEX_TOKEN'),
      overseerr: service(env, 'OVERSEERR_URL', 'OVERSEERR_API_KEY'),
      uptimeKuma: service(env, 'UPTIME_KUMA_URL'),
    },
  };
}

/** @param {Env} env */
export function logLevel(env) {
  const level = (env.LOG_LEVEL || 'info').toLowerCase();
  if (!LOG_LEVELS.includes(level)) throw new ConfigError(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

/** @param {Env} env @param {string} name @param {boolean} required */
function databaseUrl(env, name, required) {
  const value = secret(env, name);
  if (!value && required) throw new ConfigError(`${name}_FILE or ${name} must be set`);
  return value ? parsePostgresUrl(name, value) : undefined;
}

/** @param {Env} env */
function redis(env) {
  const caFile = env.REDIS_TLS_CA_FILE || undefined;
  if (env.REDIS_CLUSTER_NODES) {
    return {
      nodes: env.REDIS_CLUSTER_NODES.split(',').map((node) => hostAndPort(node.trim())),
      username: env.REDIS_USERNAME || undefined,
      password: secret(env, 'REDIS_PASSWORD'),
      tls: caFile ? tlsOptions('REDIS_TLS_CA_FILE', caFile) : undefined,
    };
  }
  const value = secret(env, 'REDIS_URL');
  if (!value) throw new ConfigError('REDIS_URL_FILE, REDIS_URL or REDIS_CLUSTER_NODES must be set');
  return parseRedisUrl('REDIS_URL', value, caFile);
}

/** @param {string} node */
function hostAndPort(node) {
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(node);
  if (!match) throw new ConfigError('REDIS_CLUSTER_NODES must be a list of host:port, separated by commas');
  return { host: match[1], port: Number(match[2]) };
}

/** @param {Env} env */
function tls(env) {
  const { TLS_CERT_FILE: certificate, TLS_KEY_FILE: key } = env;
  if (!certificate !== !key) throw new ConfigError('TLS_CERT_FILE and TLS_KEY_FILE belong together: set both or none');
  return certificate && key ? { certificate, key } : undefined;
}

/** Only scheme, host and port: it becomes part of the Content-Security-Policy. @param {Env} env */
function assetsUrl(env) {
  const value = env.ASSETS_URL;
  if (!value) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || value.replace(/\/$/, '') !== url.origin) {
    throw new ConfigError('ASSETS_URL must be an address without a path, such as https://static.example.org');
  }
  return url.origin;
}

/** @param {Env} env @param {string} name @param {string} [tokenName] */
function service(env, name, tokenName) {
  const value = env[name];
  if (!value) return undefined;
  return { url: httpUrl(name, value), token: tokenName ? secret(env, tokenName) : undefined };
}

/**
 * Where traces go, in OpenTelemetry's own variables. The requests of a visitor say which trace they belong to only where an edge
 * in front replaces what the visitor has said.
 * @param {Env} env
 */
function traces(env) {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint) return undefined;
  httpUrl('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
  const headers = pairs('OTEL_EXPORTER_OTLP_HEADERS', secret(env, 'OTEL_EXPORTER_OTLP_HEADERS'));
  if (Object.entries(headers).some(([name, value]) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value))) {
    throw new ConfigError('OTEL_EXPORTER_OTLP_HEADERS holds what no header may have');
  }
  return {
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers,
    resource: {
      'service.name': env.OTEL_SERVICE_NAME || 'medianest-portal',
      'service.version': env.APP_VERSION || '1.0.0',
      'service.instance.id': env.APP_REPLICA || hostname(),
      ...pairs('OTEL_RESOURCE_ATTRIBUTES', env.OTEL_RESOURCE_ATTRIBUTES),
    },
    sample: number(env, 'OTEL_TRACES_SAMPLER_ARG', 1, 1),
    slowMs: number(env, 'TRACES_SLOW_MS', 1000, 3_600_000),
    trustsParent: env.TRACES_PARENT_TRUSTED === 'true',
  };
}

/**
 * `a=1,b=2`, values percent-encoded. The message quotes none: they may be secret.
 * @param {string} name @param {string} [text]
 * @returns {Record<string, string>}
 */
function pairs(name, text = '') {
  const entries = text.split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, key, value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? [];
      try {
        if (key === undefined) throw new URIError('no name');
        return [key, decodeURIComponent(value)];
      } catch {
        throw new ConfigError(`${name} must be a list of name=value, separated by commas, the values percent-encoded`);
      }
    }),
  );
}

// @ts-check
import ioredis from 'ioredis';
import { describe } from './errors.js';

const { Cluster, Redis } = ioredis;

/** @typedef {ReturnType<typeof createRedis>} RedisClient */

/**
 * @param {import('./config.js').Config['redis']} config
 * @param {import('./logging.js').Logger} log
 */
export function createRedis(config, log) {
  const common = { connectTimeout: 2000, commandTimeout: 1500, maxRetriesPerRequest: 1 };
  const retry = (/** @type {number} */ times) => Math.min(times * 200, 2000);
  // No offline queue: while Redis is away a page without a session beats a page that waits.
  const client =
    'nodes' in config
      ? new Cluster(config.nodes, {
          enableOfflineQueue: false,
          clusterRetryStrategy: retry,
          // A master that hangs closes no connection: only by asking again is it seen that another has taken over.
          slotsRefreshInterval: 1000,
          slotsRefreshTimeout: 1000,
          // Names stay names, or a certificate would be checked against an address.
          dnsLookup: (address, callback) => callback(null, address),
          redisOptions: { ...common, username: config.username, password: config.password, tls: config.tls },
        })
      : new Redis({ ...common, ...config, enableOfflineQueue: false, retryStrategy: retry });
  logChanges(client, log);
  return client;
}

/**
 * Every attempt to connect fails with an event of its own; only the changes are worth a line.
 * @param {import('node:events').EventEmitter} client
 * @param {import('./logging.js').Logger} log
 */
function logChanges(client, log) {
  let away = false;
  client.on('error', (error) => {
    if (!away) log.warn({ err: error }, `redis not reachable: ${describe(error)}; trying again`);
    away = true;
  });
  client.on('ready', () => {
    away = false;
    log.info('redis ready');
  });
}

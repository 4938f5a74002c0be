import type { BuildInput, CacheConnection, Connection, DatabaseConnection, StoreContract } from '../../stack/service.ts';
import { redis, serverCache } from '../cache/redis.ts';
import { clusterCache } from '../cache/redis-cluster.ts';
import { redisSentinel, sentinelCache } from '../cache/redis-sentinel.ts';
import { clusterDatabase, patroni } from '../database/patroni.ts';
import { postgres, singleDatabase } from '../database/postgres.ts';

/** The application's database, whichever of the two is switched on. */
export const databaseContract = (input: BuildInput): StoreContract<DatabaseConnection> =>
  input.enabled(patroni.name) ? clusterDatabase(input) : singleDatabase(input);

/** The application's cache, whichever of the three is switched on. */
export function cacheContract(input: BuildInput): StoreContract<CacheConnection> {
  if (input.enabled('redis-cluster')) return clusterCache(input);
  return input.enabled(redisSentinel.name) ? sentinelCache(input) : serverCache(input);
}

export const hasDatabase = (input: BuildInput): boolean => input.enabled(patroni.name) || input.enabled(postgres.name);

export const hasCache = (input: BuildInput): boolean =>
  input.enabled(redis.name) || input.enabled('redis-cluster') || input.enabled(redisSentinel.name);

/** A store that is not needed: references can name it, and nothing of it is handed over. */
export const without = <C extends Connection>({ connection }: StoreContract<C>): StoreContract<C> => ({
  connection,
  environment: {},
  secrets: [],
  passwords: [],
  after: [],
});

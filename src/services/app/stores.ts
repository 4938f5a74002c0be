import type { BuildInput, CacheConnection, DatabaseConnection, StoreContract } from '../../stack/service.ts';
import { redis, serverCache } from '../cache/redis.ts';
import { clusterCache } from '../cache/redis-cluster.ts';
import { clusterDatabase, patroni } from '../database/patroni.ts';
import { postgres, singleDatabase } from '../database/postgres.ts';

/** The application's database, whichever of the two is switched on. */
export const databaseContract = (input: BuildInput): StoreContract<DatabaseConnection> =>
  input.enabled(patroni.name) ? clusterDatabase(input) : singleDatabase(input);

/** The application's cache, whichever of the two is switched on. */
export const cacheContract = (input: BuildInput): StoreContract<CacheConnection> =>
  input.enabled('redis-cluster') ? clusterCache(input) : serverCache(input);

export const hasDatabase = (input: BuildInput): boolean => input.enabled(patroni.name) || input.enabled(postgres.name);

export const hasCache = (input: BuildInput): boolean => input.enabled(redis.name) || input.enabled('redis-cluster');

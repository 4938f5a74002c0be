import { clusterDatabase, patroni } from './patroni.ts';
import { singleDatabase } from './postgres.ts';
import { serverCache } from './redis.ts';
import { clusterCache } from './redis-cluster.ts';
import type { BuildInput, StoreContract } from './service.ts';

/** The application's database, whichever of the two is switched on. */
export const databaseContract = (input: BuildInput): StoreContract =>
  input.enabled(patroni.name) ? clusterDatabase(input) : singleDatabase(input);

/** The application's cache, whichever of the two is switched on. */
export const cacheContract = (input: BuildInput): StoreContract =>
  input.enabled('redis-cluster') ? clusterCache(input) : serverCache(input);

import { serverCache } from './redis.ts';
import { clusterCache } from './redis-cluster.ts';
import type { BuildInput, StoreContract } from './service.ts';

/** How the application reaches whichever cache is switched on. */
export const cacheContract = (input: BuildInput): StoreContract =>
  input.enabled('redis-cluster') ? clusterCache(input) : serverCache(input);

import * as z from 'zod';
import { sizeIfGiven } from './fields.ts';

/** How the cache is run, and the component that does it. */
export const CACHE_MODES = { cluster: 'redis-cluster', sentinel: 'redis-sentinel', single: 'redis' } as const;

const POLICIES = [
  'noeviction',
  ...['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'],
] as const;

/** What every way of running the cache has in common. */
export const cacheSettings = z.strictObject({
  mode: z
    .enum(['cluster', 'sentinel', 'single'], 'should be cluster, sentinel or single')
    .optional()
    .describe(
      '`cluster`: three masters with their replicas, for clients that know Redis Cluster. `sentinel`: a leader and its follower behind one address, with failover, for any client. `single`: one server without failover. Without it, what the profile’s components say (docs/app-contract.md)',
    ),
  memory: sizeIfGiven('16m').describe(
    'Memory limit of each container with data, three quarters of which are for data; without it `memory` of the mode’s own settings',
  ),
  evictionPolicy: z
    .enum(POLICIES, `should be one of ${POLICIES.join(', ')}`)
    .optional()
    .describe(
      'What happens when the memory for data is full: `noeviction` refuses writes, `volatile-...` drops keys that expire (sessions do), `allkeys-...` any key. Without it `noeviction`, and `volatile-lru` for `single`',
    ),
  databases: z.int().min(1).max(1024).optional().describe('Numbers that SELECT takes, from 0 on: 16 without it. A cluster has one alone'),
});

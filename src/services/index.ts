import { allInOne } from './all-in-one.ts';
import { app } from './app.ts';
import { balancer } from './balancer.ts';
import { cdn } from './cdn.ts';
import { edge } from './edge.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { redisCluster } from './redis-cluster.ts';
import type { ServiceDefinition } from './service.ts';

/** Every service that medianest can run. The order is the order of `status` and of the documentation. */
export const registry: readonly ServiceDefinition[] = [allInOne, edge, cdn, balancer, app, postgres, redis, redisCluster];

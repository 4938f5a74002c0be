import { agent } from './agent.ts';
import { allInOne } from './all-in-one.ts';
import { app } from './app.ts';
import { backup } from './backup.ts';
import { balancer } from './balancer.ts';
import { cdn } from './cdn.ts';
import { dbRouter } from './db-router.ts';
import { edge } from './edge.ts';
import { engineProxy } from './engine-proxy.ts';
import { etcd } from './etcd.ts';
import { patroni } from './patroni.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { redisCluster } from './redis-cluster.ts';
import type { ServiceDefinition } from './service.ts';

/**
 * Every service that medianest can run. The order is the order of `status` and of the documentation; those that look after
 * the others come last.
 */
export const registry: readonly ServiceDefinition[] = [
  allInOne,
  edge,
  cdn,
  balancer,
  app,
  dbRouter,
  patroni,
  etcd,
  postgres,
  redis,
  redisCluster,
  backup,
  engineProxy,
  agent,
];

import '../settings/startup/interpreted.ts';
import type { ServiceDefinition } from '../stack/service.ts';
import { agent } from './agent/agent.ts';
import { engineProxy } from './agent/engine-proxy.ts';
import { logEgress } from './agent/log-egress.ts';
import { allInOne } from './app/all-in-one.ts';
import { app } from './app/app.ts';
import { balancer } from './app/balancer.ts';
import { egress } from './app/egress.ts';
import { services } from './app/processes/services.ts';
import { backup } from './backup/backup.ts';
import { bastion } from './bastion/bastion.ts';
import { cacheRouter } from './cache/cache-router.ts';
import { redis } from './cache/redis.ts';
import { redisCluster } from './cache/redis-cluster.ts';
import { redisSentinel } from './cache/redis-sentinel.ts';
import { sentinel } from './cache/sentinel.ts';
import { crowdsec } from './crowdsec/crowdsec.ts';
import { dbRouter } from './database/db-router.ts';
import { etcd } from './database/etcd.ts';
import { patroni } from './database/patroni.ts';
import { postgres } from './database/postgres.ts';
import { edge } from './edge/edge.ts';
import { cdn } from './edge/settings/cdn.ts';
import { alertmanager } from './monitoring/alertmanager.ts';
import { blackboxExporter } from './monitoring/blackbox-exporter.ts';
import { elasticsearch } from './monitoring/full/elasticsearch.ts';
import { grafana } from './monitoring/full/grafana.ts';
import { jaeger } from './monitoring/full/jaeger.ts';
import { kibana } from './monitoring/full/kibana.ts';
import { nginxExporter } from './monitoring/nginx-exporter.ts';
import { nodeExporter } from './monitoring/node-exporter.ts';
import { postgresExporter } from './monitoring/postgres-exporter.ts';
import { prometheus } from './monitoring/prometheus.ts';
import { redisExporter } from './monitoring/redis-exporter.ts';
import { signOn } from './sign-on/sign-on.ts';
import { suricata } from './suricata/suricata.ts';
import { vpn } from './vpn/vpn.ts';

/**
 * Every service that medianest can run. The order is the order of `status` and of the documentation; those that look after
 * the others come last.
 */
export const registry: readonly ServiceDefinition[] = [
  allInOne,
  edge,
  cdn,
  signOn,
  crowdsec,
  balancer,
  app,
  services,
  egress,
  dbRouter,
  patroni,
  etcd,
  postgres,
  redis,
  redisCluster,
  redisSentinel,
  sentinel,
  cacheRouter,
  backup,
  nodeExporter,
  postgresExporter,
  redisExporter,
  blackboxExporter,
  nginxExporter,
  alertmanager,
  prometheus,
  elasticsearch,
  kibana,
  jaeger,
  grafana,
  vpn,
  bastion,
  suricata,
  logEgress,
  engineProxy,
  agent,
];

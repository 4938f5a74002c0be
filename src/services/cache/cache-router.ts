import { defineService } from '../../stack/service.ts';
import { memberCertificate } from '../shared/member.ts';
import { haproxyMetrics } from '../shared/monitoring.ts';
import { ROUTER_HOST, ROUTER_SECRET, redisSentinel, replicatedNodes, sentinels } from './redis-sentinel.ts';

/** One address for the leader of the cache. Its settings are those of `redisSentinel`. */
export const cacheRouter = defineService({
  name: 'cache-router',
  key: 'redisSentinel',
  keySummary: redisSentinel.summary,
  accompanies: redisSentinel.name,
  summary: 'HAProxy: sends connections to the node of the cache that most sentinels call the leader',
  settings: redisSentinel.settings,
  build: (own, input) => {
    const metrics = haproxyMetrics('cache-router', 'db', input);
    const named = (members: readonly { name: string; address: string }[]) => members.map(({ name, address }) => ({ name, address }));
    const [nodes, electors] = [named(replicatedNodes(input)), named(sentinels(input))];
    return [
      {
        name: 'cache-router',
        image: input.image('balancer'),
        uid: 10005,
        host: ROUTER_HOST,
        // The application's side, and the members'.
        networks: ['db', 'control'],
        ports: [],
        mounts: [],
        secrets: [{ name: 'cache-router-passwords', source: { format: `router {${ROUTER_SECRET.name}}\n` } }],
        certificate: memberCertificate('cache-router', []),
        trust: true,
        environment: {},
        view: {
          nodes,
          sentinels: electors,
          quorum: Math.floor(electors.length / 2) + 1,
          maxConnections: own.maxConnections,
          threads: Math.max(1, Math.floor(own.cpus)),
          ...metrics.view,
        },
        ...metrics.blueprint,
        memoryBytes: own.routerMemory,
        cpus: own.cpus,
        keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its control sockets; gone with the container' },
        after: [...nodes, ...electors].map(({ name }) => name),
        reload: ['/usr/local/bin/reload'],
        check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
        interruption: 'about 2 s: clients reconnect to the cache',
        notes: [
          'application to cache: TLS, verified in full; the router passes it through',
          'a leader of the cache that dies may take with it what it acknowledged in its last milliseconds: `WAIT 1` tells a client what is safe',
        ],
        urls: [],
      },
    ];
  },
});

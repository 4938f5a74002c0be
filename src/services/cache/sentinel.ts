import { defineService } from '../../stack/service.ts';
import type { Blueprint } from '../../stack/types.ts';
import { memberCertificate } from '../shared/member.ts';
import { CACHE_KEEPER_SECRET } from './redis-cluster.ts';
import { FAILOVER_MS, ROUTER_SECRET, redisSentinel, replicatedNodes, SENTINEL_PORT, SENTINEL_SECRET, sentinels } from './redis-sentinel.ts';

/** Who elects the leader of the cache. Its settings are those of `redisSentinel`. */
export const sentinel = defineService({
  name: 'sentinel',
  key: 'redisSentinel',
  keySummary: redisSentinel.summary,
  accompanies: redisSentinel.name,
  summary: 'Redis Sentinel: three that agree on the leader of the cache',
  settings: redisSentinel.settings,
  build: (own, input) => {
    const all = sentinels(input);
    const addresses = (members: readonly { address: string }[]) => members.map(({ address }) => address).join(' ');
    return all.map(
      ({ name, host, address }): Blueprint => ({
        name,
        host,
        image: input.image('redis'),
        uid: 10003,
        networks: ['control'],
        ports: [],
        mounts: [{ source: `${name}-data`, target: '/var/lib/redis', kind: 'volume', readOnly: false }],
        secrets: [CACHE_KEEPER_SECRET, SENTINEL_SECRET, ROUTER_SECRET],
        certificate: memberCertificate(name, [address]),
        trust: true,
        environment: {
          REDIS_MODE: 'sentinel',
          SENTINEL_NAME: name,
          SENTINEL_QUORUM: String(Math.floor(all.length / 2) + 1),
          SENTINEL_DOWN_MS: String(own.downAfterMs),
          SENTINEL_FAILOVER_MS: String(FAILOVER_MS),
          REDIS_NODES: addresses(replicatedNodes(input)),
          REDIS_SENTINELS: addresses(all),
        },
        view: { address },
        memoryBytes: own.sentinelMemory,
        cpus: own.cpus,
        keeps: {
          '/var/lib/redis': 'the leader and the elections that it has seen, and the password by which it logs in at the nodes',
          '/tmp': 'nothing lasting; its entrypoint is a shell, which expects it',
          '/run': 'hashes of the passwords',
        },
        after: [],
        listeners: [{ port: SENTINEL_PORT, protocol: 'tls' }],
        member: { group: 'cache', controller: 'agent' },
        interruption: 'none: the other two elect',
        urls: [],
      }),
    );
  },
});

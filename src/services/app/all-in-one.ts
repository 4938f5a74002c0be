import * as z from 'zod';
import { isEveryAddress } from '../../core/ip-address.ts';
import { cpus, listenAddress, listenAddresses, memory, port } from '../../settings/fields.ts';
import { REDIS_KERNEL } from '../../stack/kernel-needs.ts';
import { defineService } from '../../stack/service.ts';
import { plainCache, redisView } from '../cache/redis.ts';
import { plainDatabase, postgres, postgresView } from '../database/postgres.ts';
import { app } from './app.ts';
import { MEDIA_TARGET } from './media.ts';
import { portalContract, SOURCE_TARGET, urlHost } from './portal.ts';
import { resourceAttributes } from './traces.ts';

const HOST = 10;

const settings = z.strictObject({
  address: listenAddress('127.0.0.1').describe(
    'Address of this host that the portal is published on, a list of them, or `every` (IPv4 and IPv6)',
  ),
  port: port(3000).describe('Port of this host that the portal is published on'),
  memory: memory('768m').describe('Memory limit of the container'),
  cpus: cpus(2).describe('Processors at most; never more than the host has'),
});

export const allInOne = defineService({
  name: 'all-in-one',
  key: 'allInOne',
  standsFor: ['edge', 'app', 'postgres', 'redis', 'database', 'redisCluster', 'redisSentinel'],
  summary: 'portal, PostgreSQL 17 and Redis 8 in one container, for a laptop',
  settings,
  build: (own, input) => {
    const application = input.settingsOf(app);
    const addresses = listenAddresses(own.address);
    const [first] = addresses as [string];
    const contract = portalContract(application, input, {
      database: plainDatabase('127.0.0.1', input),
      cache: plainCache('127.0.0.1', input),
      filesOnly: true,
    });
    const database = postgresView(Math.floor(own.memory / 3), input.settingsOf(postgres).maxConnections, '127.0.0.1');
    // On a laptop an empty volume for a library would only be one more to clean up.
    const library = contract.media.filter((mount) => mount.kind === 'bind' || mount.nfs);
    return [
      {
        name: 'all-in-one',
        image: input.image('all-in-one', {
          after: input.image('app'),
          contexts: { postgres: 'templates/postgres/image', redis: 'templates/redis/image' },
        }),
        uid: 10001,
        host: HOST,
        networks: ['dmz'],
        callsOutside: true,
        ports: addresses.map((address) => ({ address, host: own.port, container: application.port, setting: 'allInOne.port' })),
        mounts: [{ source: 'data', target: '/var/lib/medianest', kind: 'volume', readOnly: false }, ...library, ...contract.source],
        secrets: [...contract.passwords, ...contract.secrets],
        environment: {
          ...resourceAttributes(input, 'all-in-one', undefined),
          ...contract.environment,
          UPLOADS_PATH: '/var/lib/medianest/uploads',
          APP_REPLICA: 'all-in-one',
          ...(application.source && { APP_COMMAND: `node --watch ${SOURCE_TARGET}/src/server.js` }),
        },
        proxy: application.proxy,
        view: { readyPath: application.readyPath, ...database, ...redisView(Math.floor(own.memory / 6), '127.0.0.1', input) },
        configFrom: ['postgres', 'redis'],
        memoryBytes: own.memory,
        cpus: own.cpus,
        pids: Math.max(256, input.settingsOf(postgres).maxConnections + 128),
        keeps: {
          '/var/lib/medianest': 'database, sessions and uploads',
          [MEDIA_TARGET]: 'the media library, where it is not mounted read-only',
          '/tmp': 'nothing lasting',
          '/run': 'sockets, process numbers, the hash of the Redis password',
          ports: 'the only way in',
        },
        kernel: [REDIS_KERNEL],
        after: [],
        interruption: 'about 5 s: the portal restarts',
        urls: [`http://${isEveryAddress(first) ? 'localhost' : urlHost(first)}:${own.port}/`],
      },
    ];
  },
});

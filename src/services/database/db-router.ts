import * as z from 'zod';
import { cpus, memory } from '../../settings/fields.ts';
import { defineService } from '../../stack/service.ts';
import { memberCertificate } from '../shared/member.ts';
import { haproxyMetrics } from '../shared/monitoring.ts';
import { ROUTER_HOST } from './db-router-address.ts';
import { databaseMembers, patroni } from './patroni.ts';

const settings = z.strictObject({
  maxConnections: z.int().min(50).max(100_000).default(2000).describe('Connections at most, in all'),
  memory: memory('64m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export const dbRouter = defineService({
  name: 'db-router',
  key: 'dbRouter',
  summary: 'HAProxy: sends connections to the database’s leader (5432) and to its replicas (5433)',
  settings,
  build: (own, input) => {
    const metrics = haproxyMetrics('db-router', 'db', input);
    return [
      {
        name: 'db-router',
        image: input.image('balancer'),
        uid: 10005,
        host: ROUTER_HOST,
        // The application's side, and the members'.
        networks: ['db', 'control'],
        ports: [],
        mounts: [],
        secrets: [],
        certificate: memberCertificate('db-router', []),
        trust: true,
        environment: {},
        view: {
          members: databaseMembers(input).map(({ name, address }) => ({ name, address })),
          maxConnections: own.maxConnections,
          maxLagBytes: input.settingsOf(patroni).maxReplicaLag,
          threads: Math.max(1, Math.floor(own.cpus)),
          ...metrics.view,
        },
        ...metrics.blueprint,
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its control sockets; gone with the container' },
        after: databaseMembers(input).map(({ name }) => name),
        reload: ['/usr/local/bin/reload'],
        check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
        interruption: 'about 2 s: clients reconnect to the database',
        notes: ['application to database: TLS, verified in full; the router passes it through'],
        urls: [],
      },
    ];
  },
});

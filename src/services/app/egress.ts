import * as z from 'zod';
import { cpus, memory } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import { app, FIRST_HOST, MIGRATE_HOST } from './app.ts';
import type { AppSettings } from './portal.ts';
import { waysOut } from './ways-out.ts';

const settings = z.strictObject({
  maxConnections: z.int().min(10).max(100_000).default(500).describe('Connections at most, in each container'),
  memory: memory('48m').describe('Memory limit of each container'),
  cpus: cpus(1).describe('Processors that each container may use at most; never more than the host has'),
});

/** Only the application is let through, all of its replicas that may come: the edge and the balancer have no way out here. */
function callers(own: AppSettings, input: BuildInput): string[] {
  const slots = input.enabled('balancer') ? Math.max(own.maxReplicas, own.replicas) : own.replicas;
  const hosts = [MIGRATE_HOST, ...Array.from({ length: slots }, (_, index) => FIRST_HOST + index)];
  return hosts.map((host) => input.address('app', host));
}

/** HAProxy as the application's way to one host outside, whose address it looks up by itself. */
export const egress = defineService({
  name: 'egress',
  key: 'egress',
  accompanies: app.name,
  summary: 'HAProxy: leads the application to Plex and the others outside, a container for each host, and nowhere else',
  settings,
  build: (own, input) => {
    const application = input.settingsOf(app);
    const ways = waysOut(application, input);
    return ways.map(({ name, host, target, isAddress, ports, urls }) => ({
      name,
      image: input.image('balancer'),
      uid: 10005,
      host,
      networks: ['app', 'out'],
      ports: [],
      mounts: [],
      secrets: [],
      environment: {},
      view: {
        address: input.address('app', host),
        callers: callers(application, input),
        target,
        resolves: !isAddress,
        ports,
        maxConnections: own.maxConnections,
        threads: Math.max(1, Math.floor(own.cpus)),
      },
      memoryBytes: own.memory,
      cpus: own.cpus,
      leadsTo: urls,
      keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its control sockets; gone with the container' },
      after: [],
      reload: ['/usr/local/bin/reload'],
      check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
      interruption: 'about 2 s: the application does not reach this host outside',
      urls: [],
    }));
  },
});

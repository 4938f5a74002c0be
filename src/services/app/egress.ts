import * as z from 'zod';
import { cpus, memory } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import { app } from './app.ts';
import { FIRST_PROCESS, type Process, slotNames, slotsOf } from './processes/process.ts';
import { callersByWay } from './processes/ways.ts';
import { MIGRATE_HOST } from './replica.ts';

const settings = z.strictObject({
  maxConnections: z.int().min(10).max(100_000).default(500).describe('Connections at most, in each container'),
  memory: memory('48m').describe('Memory limit of each container'),
  cpus: cpus(1).describe('Processors that each container may use at most; never more than the host has'),
});

/** Only processes that name the host are let through, all of their replicas that may come: the edge and the balancer have no way out here. */
function callersOf(processes: readonly Process[], input: BuildInput): string[] {
  const hosts = processes.flatMap((process) => [
    ...(process.name === FIRST_PROCESS ? [MIGRATE_HOST] : []),
    ...slotNames(process, input.enabled('balancer') ? slotsOf(process, input) : process.own.replicas).map(({ host }) => host),
  ]);
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
    const { ways, callers } = callersByWay(input);
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
        callers: callersOf(callers.get(name) ?? [], input),
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

import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { cpus, memory } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { Blueprint } from '../../stack/types.ts';
import { allProcesses, FIRST_PROCESS, replicasOf, slotNames, slotsOf } from '../app/processes/process.ts';
import { monitored } from '../shared/monitoring.ts';
import {
  containerChanges,
  containerLogs,
  containerName,
  containerReads,
  containerStats,
  engineRequests,
  sincePattern,
} from './engine-requests.ts';
import { takesLogs } from './log-egress.ts';

export const ENGINE_PROXY_UID = 10008;
/** The folder that it shares with only the agent. */
export const SOCKET_FOLDER = '/srv/engine-proxy';
/** The agent cannot start these: it is one of them, and reaches the engine by the other. */
export const SELF = ['agent', 'engine-proxy'] as const;
export const ENGINE_SOCKET = `${SOCKET_FOLDER}/engine.sock`;

const settings = z.strictObject({
  socket: z
    .string()
    .regex(/^\/[^:]+$/, 'should be an absolute path such as /var/run/docker.sock')
    .optional()
    .describe('Socket of the engine, on the engine’s host; the one that medianest itself uses where it is not given'),
  gid: z
    .int()
    .min(0)
    .max(2 ** 31)
    .optional()
    .describe('Number of the group that may use that socket; looked up where it is not given'),
  memory: memory('48m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export const engineProxy = defineService({
  name: 'engine-proxy',
  key: 'engineProxy',
  summary: 'HAProxy between the agent and the Docker Engine: passes what the agent needs, and refuses everything else',
  settings,
  build: (own, input) => {
    const socket = engineSocket(own, input);
    const { project } = input.settings;
    const requests = engineRequests(project);
    const containers = watched(input).map(({ name }) => containerName(project, name));
    const itself = SELF.map((name) => containerName(project, name));
    const logged = takesLogs(input.settings) ? [...containers, ...itself] : [];
    const measures = monitored(input) ? [...containers, ...itself].map(containerStats) : [];
    const ownReads = monitored(input) || logged.length > 0 ? itself.flatMap(containerReads) : [];
    return [
      {
        name: 'engine-proxy',
        role: 'agent',
        image: input.image('engine-proxy'),
        uid: ENGINE_PROXY_UID,
        host: 0,
        // It is reached by its socket alone.
        networks: [],
        ports: [],
        mounts: [
          { source: socket.path, target: '/srv/engine.sock', kind: 'bind', readOnly: true, socket: true },
          { source: 'engine-socket', target: SOCKET_FOLDER, kind: 'volume', readOnly: false },
        ],
        secrets: [],
        environment: {},
        view: {
          socketGroup: String(socket.gid),
          listen: ENGINE_SOCKET,
          reads: [requests.ping, requests.list, ...containers.flatMap(containerReads), ...ownReads, ...measures],
          streams: [requests.events, ...logged.map(containerLogs)].map(sincePattern),
          // Each of these takes one for as long as the container runs.
          maxConnections: 50 + logged.length,
          changes: containers.flatMap(containerChanges),
        },
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: {
          [SOCKET_FOLDER]: 'the socket by which the agent reaches it; it has no network',
          '/tmp': 'nothing lasting; its scripts are shells, which expect it',
          '/run': 'its control socket; gone with the container',
        },
        after: [],
        reload: ['/usr/local/bin/reload'],
        check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
        interruption: 'none: the agent waits for it, and the database fails over without it',
        urls: [],
      },
    ];
  },
});

/**
 * The containers that the agent looks after: all of the stack but itself and what is run by name only. Of the application
 * every replica that there may be, so that `scale` changes nothing here.
 */
export function watched(input: BuildInput): Blueprint[] {
  const running = input.built.filter(({ oneOff }) => !oneOff);
  if (!running.some(({ role }) => role === 'application')) return running;
  const slots = allProcesses(input).flatMap((process) => {
    const names = replicasOf(process).map(({ name }) => name);
    const first = running.find(({ name }) => names.includes(name));
    const count = process.name === FIRST_PROCESS ? process.own.maxReplicas : slotsOf(process, input);
    return first ? slotNames(process, count).map(({ name, host }) => ({ ...first, name, host })) : [];
  });
  return [...running.filter(({ role }) => role !== 'application'), ...slots];
}

/** @throws UserError if the engine is elsewhere, and no setting says where its socket is */
function engineSocket(own: z.output<typeof settings>, input: BuildInput): { path: string; gid: number } {
  const path = own.socket ?? input.engineSocket?.path;
  const gid = own.gid ?? input.engineSocket?.gid;
  if (path !== undefined && gid !== undefined) return { path, gid };
  throw new UserError(
    'INVALID_SETTINGS',
    'the engine is not reached by a socket of this machine, so the agent does not know how to reach it',
    'set `engineProxy: { socket: /var/run/docker.sock, gid: … }` as on the engine’s host (stat -c %g /var/run/docker.sock), or `components: { agent: false, engine-proxy: false }`',
  );
}

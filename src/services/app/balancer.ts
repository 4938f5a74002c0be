import * as z from 'zod';
import { cpus, memory } from '../../settings/fields.ts';
import { defineService } from '../../stack/service.ts';
import { EDGE_HOST, showsPages } from '../edge/settings/tool-pages.ts';
import { haproxyMetrics } from '../shared/monitoring.ts';
import { traced } from '../shared/traces.ts';
import { app } from './app.ts';
import { appTls } from './portal.ts';
import { poolView } from './processes/pools.ts';
import { allProcesses } from './processes/process.ts';

export const BALANCER_HOST = 40;
/** Each protocol has a port of its own: while `app.tls` changes, the edge can go by the one or the other. */
export const BALANCER_PORTS = { tls: 8443, plain: 8080 } as const;

const settings = z.strictObject({
  maxConnections: z.int().min(100).max(100_000).default(4000).describe('Connections at most, in all'),
  maxPerReplica: z.int().min(1).max(10_000).default(100).describe('Requests that a replica is given at once; more wait for their turn'),
  memory: memory('128m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

/** For a request's or an answer's headers: what the edge lets in (64 KB), and what is kept free to add to it. */
const HEADER_BYTES = 80 * 1024;
/** What HAProxy takes besides buffers. */
const RESERVED_BYTES = 48 * 1024 ** 2;

/** As many as the memory limit holds; a request waits for one rather than that the container is killed. */
const buffersIn = (memoryBytes: number): number => Math.max(64, Math.floor((memoryBytes - RESERVED_BYTES) / HEADER_BYTES));

export const balancer = defineService({
  name: 'balancer',
  key: 'balancer',
  summary: 'HAProxy: checks the replicas, shares requests out among them, drains them for deploys',
  settings,
  build: (own, input) => {
    const application = input.settingsOf(app);
    const tls = appTls(application, input);
    const metrics = haproxyMetrics('balancer', 'app', input);
    const pools = allProcesses(input).filter(({ serves }) => serves);
    return [
      {
        name: 'balancer',
        role: 'balancer',
        image: input.image('balancer'),
        uid: 10005,
        host: BALANCER_HOST,
        networks: ['app'],
        ports: [],
        mounts: [],
        secrets: [],
        // `app` is the name by which the edge knows the way to the application, balancer or replica.
        // Without TLS too: a change of `app.tls` must not replace this container.
        certificate: { name: 'balancer', subjects: ['balancer', 'app'], issuer: 'internal-ca', days: 90 },
        listeners: [{ port: BALANCER_PORTS.tls, protocol: 'tls' }],
        trust: true,
        environment: {},
        view: {
          tls,
          ports: BALANCER_PORTS,
          pools: pools.map((process) => poolView(process, input)),
          others: pools.flatMap(({ name, beside }) => (beside ? [name] : [])),
          timeoutSeconds: application.timeout,
          clientSeconds: Math.max(75, application.timeout + 15),
          traces: traced(input),
          headerBytes: HEADER_BYTES,
          buffers: buffersIn(own.memory),
          drainSecondsText: String(application.drainSeconds),
          maxPerServer: own.maxPerReplica,
          maxConnections: own.maxConnections,
          ...metrics.view,
          statsFor: showsPages(input) && metrics.view.metricsFor ? input.address('app', EDGE_HOST) : null,
        },
        ...metrics.blueprint,
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: { '/tmp': 'nothing of its own; programs expect it', '/run': 'its control sockets; gone with the container' },
        after: [],
        reload: ['/usr/local/bin/reload'],
        check: ['haproxy', '-c', '-q', '-f', '/etc/medianest/current/haproxy.cfg'],
        interruption: 'none: meanwhile the edge goes to the replicas itself',
        notes: [tls ? 'balancer to app: TLS' : 'balancer to app: plain HTTP inside the network (app.tls, where the image can serve HTTPS)'],
        urls: [],
      },
    ];
  },
});

import type { BuildInput } from '../../stack/service.ts';
import { app, appReplicas } from '../app/app.ts';
import { BALANCER_HOST, BALANCER_PORTS, balancer } from '../app/balancer.ts';
import { appTls } from '../app/portal.ts';
import { type Process, slotNames } from '../app/processes/process.ts';
import { type Route, routePattern } from '../app/processes/routes.ts';
import { secondHalf } from '../app/releasing.ts';

/** How many replicas the edge uses directly while the balancer is down. */
const DIRECT_REPLICAS = 3;

/** The way to the application: its replicas, or the balancer with replicas behind it for when it is away. */
export function upstreams(input: BuildInput) {
  const application = input.settingsOf(app);
  // Of those that medianest.yml says: `scale` must reload nothing here.
  const count = input.enabled(balancer.name) ? (input.overrides.replicas?.instead ?? application.replicas) : application.replicas;
  const way = ({ host }: { host: number }) => ({ address: input.address('app', host), port: application.port, backup: false });
  const replicas = appReplicas({ replicas: count }).map(way);
  if (!input.enabled(balancer.name)) return replicas;
  // Of both sets in turn: a switch between them must reload nothing here either, and the second one may serve yet under another strategy.
  const others = appReplicas({ replicas: count }, secondHalf(application.maxReplicas)).map(way);
  const both = application.strategy === 'blue-green' || input.overrides.slots !== undefined;
  const direct = both ? replicas.flatMap((replica, index) => [replica, others[index] ?? replica]) : replicas;
  return [
    { address: input.address('app', BALANCER_HOST), port: BALANCER_PORTS[appTls(application, input) ? 'tls' : 'plain'], backup: false },
    ...direct.slice(0, DIRECT_REPLICAS).map((replica) => ({ ...replica, backup: true })),
  ];
}

/** The same for a process beside the first. Its replicas stand in for the balancer only where they speak what that speaks. */
function processUpstream(process: Process, input: BuildInput) {
  const { name, own } = process;
  const application = input.settingsOf(app);
  const balanced = input.enabled(balancer.name);
  const tls = appTls(application, input);
  const count = (balanced ? input.overrides.scaled?.[name]?.instead : undefined) ?? own.replicas;
  const replicas = slotNames(process, count).map(({ host }) => ({
    address: input.address('app', host),
    port: own.port,
    backup: balanced,
  }));
  const direct = appTls(own, input) === tls ? replicas : [];
  const entrance = { address: input.address('app', BALANCER_HOST), port: BALANCER_PORTS[tls ? 'tls' : 'plain'], backup: false };
  return { name, upstreams: balanced ? [entrance, ...direct.slice(0, DIRECT_REPLICAS)] : direct };
}

/** How requests find their process: the edge decides, and tells the balancer. */
export function processesView(processes: readonly Process[], routes: readonly Route[], input: BuildInput) {
  const routed = processes.filter(({ name }) => routes.some(({ process }) => process === name));
  return {
    several: routed.length > 0,
    way: routed.length > 0 ? '$process' : 'app',
    processes: routed.map((process) => processUpstream(process, input)),
    routes: routes.map((route) => ({ pattern: routePattern(route), process: route.process })),
    otherMetricsPaths: [
      ...new Set(routed.filter(({ own }) => own.metrics).map(({ own }) => own.metricsPath.split('?')[0] as string)),
    ].filter((path) => path !== input.settingsOf(app).metricsPath.split('?')[0]),
  };
}

import { UserError } from '../../core/errors.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import { withRole } from '../../stack/roles.ts';
import { protocolName, type Rolling, type Service } from '../../stack/types.ts';
import type { Change } from './change.ts';
import { changesProtocol } from './facts.ts';
import type { Step } from './step.ts';

export const TAKES_CONFIGURATION = 'takes its new configuration without a new container';

/**
 * While its replicas are replaced a balancer keeps the configuration that the old ones came with, also when it starts again: it
 * would ask them for what only the new ones answer. Those are told to it one by one (`backend admit`). What reloads after that
 * keeps its configuration as long: the edge goes to the replicas itself while the balancer is away.
 * @param live service -> version of the configuration that its container reads
 */
export function activatedLast(
  steps: readonly Step[],
  services: ReadonlyMap<string, Service>,
  live: Readonly<Record<string, string | undefined>>,
): Step[] {
  const rolls = steps.flatMap((step) => (step.kind === 'replace' ? [step.rolling.balancer] : []));
  const replaced = steps.findLastIndex(({ kind }) => kind === 'replace');
  const reloads = steps.slice(replaced).flatMap((step) => (step.kind === 'reload' ? [step.service] : []));
  const keeps = (service: string) => live[service] !== undefined && (rolls.includes(service) || reloads.includes(service));
  const waits = (step: Step) => step.kind === 'activate-config' && rolls.length > 0 && keeps(step.service);
  return steps.filter(waits).reduce((left, activation) => {
    const { service } = activation as Step<'activate-config'>;
    const rest = left.filter((step) => step !== activation);
    const reload = rest.findIndex((step) => step.kind === 'reload' && step.service === service);
    if (reload >= 0) return [...rest.slice(0, reload), activation, ...rest.slice(reload)];
    const last = rest.findLastIndex((step) => step.kind === 'replace' && step.rolling.balancer === service) + 1;
    const argv = services.get(service)?.reload ?? [];
    return [...rest.slice(0, last), activation, { kind: 'reload', service, argv, cause: TAKES_CONFIGURATION }, ...rest.slice(last)];
  }, steps as Step[]);
}

/**
 * Replicas that their balancer sends nothing to come first: taking them out costs no visitor anything, and the others serve until
 * they do. Otherwise the order stays.
 * @param serving names of those in service; undefined if the balancer does not say
 */
export function idleFirst<T extends { name: string }>(replicas: readonly T[], serving: readonly string[] | undefined): T[] {
  if (!serving) return [...replicas];
  const serves = ({ name }: T) => serving.includes(name);
  return [...replicas.filter((replica) => !serves(replica)), ...replicas.filter(serves)];
}

/** Processes of one release, each after those that it comes after; the order within a process stays. */
export const inReleaseOrder = <T extends { process?: { order: number } | undefined }>(replicas: readonly T[]): T[] =>
  [...replicas].sort((a, b) => (a.process?.order ?? 0) - (b.process?.order ?? 0));

/**
 * Replicas that change between TLS and plain HTTP are replaced together where their balancer gets a new container: its configuration
 * may be that of an earlier version, and it could not be told of each.
 */
export function flipsTogether(service: Service, container: ObservedContainer | undefined, changes: readonly Change[]): boolean {
  const balancer = changes.find((change) => change.service === service.rolling?.balancer);
  return changesProtocol(service, container) && (balancer?.action === 'recreate' || balancer?.action === 'create');
}

/**
 * Replicas that run as they should by now, and that their balancer sends nothing to: an earlier run has taken them out, they did not
 * run, or the balancer has started again since it was told of them. It would refuse to take another one out.
 * @param replaced names of those that are taken out and replaced
 */
export function leftOut(
  wanted: readonly Service[],
  replaced: readonly string[],
  { drained, serving }: { drained: readonly string[]; serving?: readonly string[] | undefined },
): Service[] {
  const unserved = (name: string) => replaced.length > 0 && serving !== undefined && !serving.includes(name);
  return wanted.filter(({ name, rolling }) => rolling && !replaced.includes(name) && (drained.includes(name) || unserved(name)));
}

/**
 * Edge, balancer and replicas agree on how the replicas are spoken to: a command that concerns some of them cannot change that.
 * @param only components that the command concerns; all where undefined
 * @throws UserError INVALID_SETTINGS where `app.tls` waits for an `up` and the command would change a part of it
 */
export function refuseHalfFlip(
  services: readonly Service[],
  containers: readonly ObservedContainer[],
  only: readonly string[] | undefined,
): void {
  const concerned = (['edge', 'balancer', 'application'] as const).flatMap((role) => withRole(services, role));
  const touched = concerned.filter(({ component }) => only?.includes(component));
  if (!only || touched.length === 0 || touched.length === concerned.length) return;
  const flips = concerned.find((service) =>
    changesProtocol(
      service,
      containers.find((entry) => entry.service === service.name),
    ),
  );
  if (!flips) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `app.tls has changed since the last \`up\`: ${flips.name} is not yet spoken to in ${protocolName(flips.rolling?.tls === true)}, and this command concerns only ${only.join(', ')}; nothing was changed`,
    'medianest up',
  );
}

/**
 * Of what cannot run twice side by side: all that are replaced stop, and only then the first new one starts. Visitors get the edge's page
 * meanwhile, because the balancer has none to send them to; each new one is enabled when it is ready. Workers stop while the old replicas
 * still serve, because they may take long, and come back one by one at the end.
 */
export function recreateSteps(
  replicas: readonly (Service & { rolling: Rolling })[],
  workers: readonly Pick<Service, 'name' | 'process'>[],
  waitSeconds: number,
): Step[] {
  const cause = 'the old ones stop before the new ones start (app.strategy: recreate)';
  const balancers = [...new Set(replicas.map(({ rolling }) => rolling.balancer))];
  const ended = workers.flatMap(({ name, process }): Step[] =>
    process?.drains ? [{ kind: 'stop-worker', service: name, drains: process.drains, cause }] : [],
  );
  const stopped = balancers.flatMap((balancer): Step[] => {
    const own = replicas.filter(({ rolling }) => rolling.balancer === balancer);
    const services = own.map(({ name }) => name);
    const drainSeconds = Math.max(...own.map(({ rolling }) => rolling.drainSeconds));
    return [
      { kind: 'switch-replicas', balancer, to: [], from: services, drainSeconds, cause },
      { kind: 'remove-services', services, cause },
      { kind: 'compose-up', services, forced: [], alone: true, waitSeconds, cause },
      ...oneOfEachFirst(own).map(
        ({ name, rolling }): Step => ({ kind: 'admit', service: name, rolling, waitSeconds, cause: 'it takes visitors once it is ready' }),
      ),
    ];
  });
  return [...ended, ...stopped];
}

/** Processes take turns: visitors need one replica of each before a second one of any. */
function oneOfEachFirst<T extends Pick<Service, 'component'>>(replicas: readonly T[]): T[] {
  const turn = (index: number) => replicas.slice(0, index).filter(({ component }) => component === replicas[index]?.component).length;
  return [...replicas.keys()].sort((a, b) => turn(a) - turn(b) || a - b).map((index) => replicas[index] as T);
}

/** Of an interrupted switch: those that are going to be removed may still be sent requests. */
export function drainedFirst(admitted: readonly Service[], removed: readonly string[]): Step[] {
  const [first] = admitted;
  if (!first?.rolling || removed.length === 0) return [];
  const { balancer, drainSeconds } = first.rolling;
  return [{ kind: 'switch-replicas', balancer, to: [], from: [...removed], drainSeconds, cause: 'others serve in their place' }];
}

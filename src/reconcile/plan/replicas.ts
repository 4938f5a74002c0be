import type { Service } from '../../stack/types.ts';
import type { Step } from './step.ts';

export const TAKES_CONFIGURATION = 'takes its new configuration without a new container';

/**
 * While its replicas are replaced a balancer keeps the configuration that the old ones came with, also when it starts again: it
 * would ask them for what only the new ones answer. Those are told to it one by one (`backend admit`).
 * @param live service -> version of the configuration that its container reads
 */
export function balancersLast(
  steps: readonly Step[],
  services: ReadonlyMap<string, Service>,
  live: Readonly<Record<string, string | undefined>>,
): Step[] {
  const rolls = steps.flatMap((step) => (step.kind === 'replace' ? [step.rolling.balancer] : []));
  const waits = (step: Step) => step.kind === 'activate-config' && rolls.includes(step.service) && live[step.service] !== undefined;
  return steps.filter(waits).reduce((left, activation) => {
    const balancer = (activation as Step<'activate-config'>).service;
    const rest = left.filter((step) => step !== activation);
    const reload = rest.findIndex((step) => step.kind === 'reload' && step.service === balancer);
    if (reload >= 0) return [...rest.slice(0, reload), activation, ...rest.slice(reload)];
    const last = rest.findLastIndex((step) => step.kind === 'replace' && step.rolling.balancer === balancer) + 1;
    const argv = services.get(balancer)?.reload ?? [];
    return [
      ...rest.slice(0, last),
      activation,
      { kind: 'reload', service: balancer, argv, cause: TAKES_CONFIGURATION },
      ...rest.slice(last),
    ];
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

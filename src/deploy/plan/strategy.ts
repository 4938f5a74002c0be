import { UserError } from '../../core/errors.ts';
import type { Step } from '../../reconcile/plan/step.ts';
import { secondHalf } from '../../services/app/releasing.ts';
import type { Overrides } from '../../stack/overrides.ts';
import { withRole } from '../../stack/roles.ts';
import type { Rolling, Service, Stack } from '../../stack/types.ts';

type Replica = Service & { rolling: Rolling };
type Behind = Pick<Replica, 'name' | 'rolling'>;

/** The replicas of a stack that stand behind a balancer. */
export const replicasOf = (stack: Stack): Replica[] =>
  withRole(stack.services, 'application').filter((service): service is Replica => service.rolling !== undefined);

export const strategyOf = (stack: Stack): 'rolling' | 'recreate' | 'blue-green' => replicasOf(stack)[0]?.rolling.strategy ?? 'rolling';

/**
 * Which set serves is known for the number of slots that it was started with alone: with another one, the plan would take those that are
 * kept for those that serve, and remove the others first.
 * @throws UserError NOT_RUNNING where app.maxReplicas was changed since
 */
export function refuseOtherSlots({ slots }: Overrides, maxReplicas: number): void {
  if (!slots || slots.instead === maxReplicas) return;
  throw new UserError(
    'NOT_RUNNING',
    `app.maxReplicas is ${maxReplicas}, and what serves was started with ${slots.instead}; nothing was changed`,
    'medianest up, then the same command again',
  );
}

/** The same overrides for the other set of replicas. @param serving those that serve now */
export function inOtherSlots(wanted: Overrides, serving: Overrides, maxReplicas: number): Overrides {
  const { slots: _, ...rest } = wanted;
  return (serving.slots?.first ?? 1) > 1 ? rest : { ...rest, slots: { first: secondHalf(maxReplicas), instead: maxReplicas } };
}

/** What served before has proven itself: a smoke test that it does not pass, or that is wrong, must not keep it from serving again. */
export function untested(step: Step): Step {
  if (step.kind !== 'replace' && step.kind !== 'admit') return step;
  const { smoke: _, ...rolling } = step.rolling;
  return { ...step, rolling };
}

/** What an earlier deploy has left beside what serves: kept for a rollback, or of one that was interrupted. */
export const settlingSteps = (steps: readonly Step[]): Step[] =>
  steps.filter(({ kind }) => kind === 'admit' || kind === 'switch-replicas' || kind === 'remove-services').map(untested);

/**
 * What removes a kept release, and nothing else: medianest.yml may have been changed since, which `up` alone carries out.
 * @param running services of the project's containers @param serving those of the last `up` or deploy
 */
export function keptSteps(
  { replicas }: { replicas: readonly { service: string }[] },
  running: readonly string[],
  serving: readonly string[],
): Step<'remove-services'>[] {
  const services = replicas.map(({ service }) => service).filter((name) => running.includes(name) && !serving.includes(name));
  return services.length > 0 ? [{ kind: 'remove-services', services, cause: 'the release that serves is to stay' }] : [];
}

/** What a blue-green deploy does: everything until the switch, and what follows once the release is to stay. */
export interface BesideSteps {
  until: Step[];
  after: Step[];
}

/**
 * All new replicas are started beside the old ones and proven; then one command switches. The balancer's configuration follows at the end:
 * one that starts again meanwhile sends to the old ones.
 * @param steps those of the deploy of a stack whose replicas have the other slots @param now what serves
 * @param settling what removes replicas that are in these slots already
 */
export function besideSteps(
  steps: readonly Step[],
  { stack, now, settling }: { stack: Stack; now: Stack; settling: readonly Step[] },
): BesideSteps {
  const [fresh, former] = [replicasOf(stack), replicasOf(now)];
  const balancer = fresh[0]?.rolling.balancer;
  const isFresh = (name: string) => fresh.some((replica) => replica.name === name);
  const own = steps.filter(
    ({ kind }) => kind !== 'remove-services' && kind !== 'await-balancer' && kind !== 'switch-replicas' && kind !== 'admit',
  );
  const late = (step: Step) =>
    (step.kind === 'activate-config' || step.kind === 'reload' || step.kind === 'mark-applied') && step.service === balancer;
  const first = own.findIndex(
    ({ kind }) =>
      kind === 'make-restore-point' || kind === 'run-one-off' || kind === 'compose-up' || kind === 'reload' || kind === 'replace',
  );
  const at = first < 0 ? own.length : first;
  const started = own.flatMap((step) => (step.kind === 'compose-up' ? [step] : [])).find(({ services }) => services.some(isFresh));
  const cause = 'another release, beside the one that serves';
  const waitSeconds = started?.waitSeconds ?? 0;
  return {
    until: [
      ...own.slice(0, at).filter((step) => !late(step)),
      ...settling,
      ...own.slice(at).filter((step) => !late(step)),
      ...fresh.map(({ name, rolling }): Step => ({ kind: 'prove-replica', service: name, rolling, waitSeconds, cause })),
      ...switchSteps(former, fresh, cause),
    ],
    after: own.filter(late),
  };
}

/** From one set to the other. */
export function switchSteps(from: readonly Behind[], to: readonly Behind[], cause: string): Step<'switch-replicas'>[] {
  const [first] = to;
  if (!first) return [];
  const drainSeconds = Math.max(0, ...from.map(({ rolling }) => rolling.drainSeconds));
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);
  return [{ kind: 'switch-replicas', balancer: first.rolling.balancer, to: names(to), from: names(from), drainSeconds, cause }];
}

/** For `status`, and at the end of a deploy. @param until when it counts as given up; null where nothing but a command ends it */
export const keptText = (release: string, until: string | null): string =>
  `the replicas of ${release} still run${until ? `, until ${until.slice(0, 19).replace('T', ' ')} UTC` : ''}: \`medianest rollback\` switches back to them, \`medianest deploy --confirm\` removes them`;

import type { Change } from '../../reconcile/plan/change.ts';

const OF_REPLICAS: readonly Change['action'][] = ['keep', 'create', 'remove', 'start'];
const OF_BALANCERS: readonly Change['action'][] = ['keep', 'reload'];

/**
 * What a plan would change besides the number of replicas, such as settings that were edited and not applied; undefined where it is nothing.
 * @param replicas those of before and after
 */
export function pendingOf(changes: readonly Change[], replicas: readonly string[], balancers: readonly string[]): string | undefined {
  const more = changes.find(({ service, action }) => {
    if (replicas.includes(service)) return !OF_REPLICAS.includes(action);
    return balancers.includes(service) ? !OF_BALANCERS.includes(action) : action !== 'keep';
  });
  return more && `${more.service}: ${more.action}, ${more.cause}`;
}

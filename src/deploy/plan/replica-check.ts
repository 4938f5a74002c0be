import type { Check } from '../../capability/check.ts';
import { isOfFirst, type ProcessPlace } from '../../stack/processes/place.ts';

/**
 * For `health`: how many replicas the balancer sends visitors to.
 * @param replicas names of those that should run @param serving of those that do; undefined if the balancer does not say
 */
export function replicaCheck(balancer: string, replicas: readonly string[], serving: readonly string[] | undefined): Check {
  const id = 'replicas';
  const remedy = `medianest logs ${replicas.filter((name) => !serving?.includes(name)).join(' ') || balancer}, then medianest up`;
  if (!serving)
    return {
      id,
      status: 'warn',
      message: `cannot tell which replicas serve: ${balancer} does not say`,
      remedy: `medianest why ${balancer}`,
    };
  const serve = replicas.filter((name) => serving.includes(name));
  const told = { id, value: serve.length, message: `${serve.length} of ${replicas.length} replicas serve visitors` };
  if (serve.length === replicas.length) return { ...told, status: 'ok' };
  return { ...told, status: serve.length === 0 ? 'fail' : 'warn', remedy };
}

/**
 * The same for each process that stands behind the balancer.
 * @param replicas all containers of the application: of workers it says nothing
 */
export function replicaChecks(
  balancer: string,
  replicas: readonly { name: string; component: string; process?: ProcessPlace }[],
  serving: readonly string[] | undefined,
): Check[] {
  const behind = replicas.filter((replica) => !replica.process?.drains);
  return [...new Set(behind.map(({ component }) => component))].map((component) => {
    const same = behind.filter((replica) => replica.component === component);
    const check = replicaCheck(
      balancer,
      same.map(({ name }) => name),
      serving,
    );
    return same.every(isOfFirst) ? check : { ...check, id: `replicas.${component}`, message: `${component}: ${check.message}` };
  });
}

import type { Check } from '../../capability/check.ts';

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

export interface ScaleOutcome {
  /** The process. */
  service: string;
  before: number;
  replicas: number;
  result: 'changed' | 'unchanged' | 'planned';
  seconds: number;
}

/**
 * What `scale` tells a person. A number that is there already is no change, even if the run has found something else to do.
 * @param pending in a dry run, whether a real run would do anything
 */
export function scaleText({ service, before, replicas, result, seconds }: ScaleOutcome, pending: boolean): string {
  const already = `${service} has ${replicas} replica${replicas === 1 ? '' : 's'} already`;
  const rest = `what was pending of ${service === 'app' ? 'the app' : service} and its balancer`;
  if (result === 'unchanged') return `${already}: nothing was changed.`;
  if (result === 'planned') {
    if (before !== replicas) return `would scale ${service}: ${before} -> ${replicas} replicas`;
    return pending ? `${already}: the number would stay, and ${rest} would be done` : `${already}: nothing would be changed`;
  }
  if (before === replicas) return `${already}: the number was not changed; ${rest} was done in ${seconds.toFixed(1)} s.`;
  return `${service}: ${before} -> ${replicas} replicas in ${seconds.toFixed(1)} s.`;
}

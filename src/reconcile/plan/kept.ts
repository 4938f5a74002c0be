import type { Rendered, Stack } from '../../stack/types.ts';
import type { UpFacts } from './facts.ts';
import { planUp, type UpPlan } from './up.ts';

/**
 * A plan that leaves the release before alone while there is nothing else to do: where something changes, its replicas are no longer
 * part of the stack.
 * @param kept names of its replicas
 */
export function planKeeping(stack: Stack, rendered: Rendered, facts: UpFacts, kept: readonly string[]): UpPlan {
  const left = kept.filter((name) => !stack.services.some((service) => service.name === name));
  if (left.length === 0) return planUp(stack, rendered, facts);
  const without = planUp(stack, rendered, { ...facts, containers: facts.containers.filter(({ service }) => !left.includes(service)) });
  return without.steps.length === 0 ? without : planUp(stack, rendered, facts);
}

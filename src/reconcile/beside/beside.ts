import type { Leaving, Step, UpRequest } from '../../capability/capability.ts';

/** What capabilities do beside the stack in one `up`. */
export interface Beside {
  first: readonly Step[];
  frees: readonly number[];
  last: readonly Step[];
}

/** @throws UserError where one of them refuses what the settings ask for */
export async function besides(request: UpRequest): Promise<Beside> {
  const parts = await Promise.all((await request.context.capabilities()).map(({ up }) => up?.beside?.(request)));
  const found = parts.filter((part) => part !== undefined);
  return {
    first: found.flatMap(({ first }) => first),
    frees: found.flatMap(({ frees }) => frees),
    last: found.flatMap(({ last }) => last),
  };
}

/** What the project gives back when it stops. */
export async function leavingSteps(leaving: Leaving): Promise<Step[]> {
  const parts = await Promise.all((await leaving.context.capabilities()).map(({ data }) => data?.leaves?.(leaving)));
  return parts.flatMap((part) => part ?? []);
}

/** Steps that change what runs: all that can fail comes before them. */
const TOUCHING: ReadonlySet<Step['kind']> = new Set(['remove-container', 'remove-services', 'compose-up', 'reload', 'retire-member']);

/** A plan with what is done beside the stack: as late as it may be, so that what fails before has changed nothing. */
export function withBeside<T extends { steps: readonly Step[] }>(plan: T, { first, last }: Beside): Omit<T, 'steps'> & { steps: Step[] } {
  const found = plan.steps.findIndex(({ kind }) => TOUCHING.has(kind));
  const at = found < 0 ? plan.steps.length : found;
  return { ...plan, steps: [...plan.steps.slice(0, at), ...first, ...plan.steps.slice(at), ...last] };
}

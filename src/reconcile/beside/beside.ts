import type { Leaving, Step, UpRequest } from '../../capability/capability.ts';

/** What capabilities do beside the stack in one `up`. */
export interface Beside {
  early?: readonly Step[];
  first: readonly Step[];
  frees: readonly number[];
  last: readonly Step[];
}

/** @throws UserError where one of them refuses what the settings ask for */
export async function besides(request: UpRequest): Promise<Beside> {
  const parts = await Promise.all((await request.context.capabilities()).map(({ up }) => up?.beside?.(request)));
  const found = parts.filter((part) => part !== undefined);
  return {
    early: found.flatMap(({ early }) => early ?? []),
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

/** What goes with its volumes. */
export async function volumesSteps(leaving: Leaving): Promise<Step[]> {
  const parts = await Promise.all((await leaving.context.capabilities()).map(({ data }) => data?.withVolumes?.(leaving)));
  return parts.flatMap((part) => part ?? []);
}

/** Steps that change what runs: all that can fail comes before them. */
const TOUCHING: ReadonlySet<Step['kind']> = new Set(['remove-container', 'remove-services', 'compose-up', 'reload', 'retire-member']);

/** Steps that may mount a volume, of those that come before. */
const MOUNTING: ReadonlySet<Step['kind']> = new Set(['own-volume', 'check-carry', 'carry-volume', 'run-one-off', ...TOUCHING]);

/** A plan with what is done beside the stack: as late as it may be, so that what fails before has changed nothing. */
export function withBeside<T extends { steps: readonly Step[] }>(
  plan: T,
  { early = [], first, last }: Beside,
): Omit<T, 'steps'> & { steps: Step[] } {
  const before = (kinds: ReadonlySet<Step['kind']>): number => {
    const found = plan.steps.findIndex(({ kind }) => kinds.has(kind));
    return found < 0 ? plan.steps.length : found;
  };
  const [mounts, touches] = [before(MOUNTING), before(TOUCHING)];
  const steps = [
    ...plan.steps.slice(0, mounts),
    ...early,
    ...plan.steps.slice(mounts, touches),
    ...first,
    ...plan.steps.slice(touches),
    ...last,
  ];
  return { ...plan, steps };
}

import type { Capability, Context, Execution, Step, StepHandlers, StepKind } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';

/** Every kind of step that some capability can carry out. */
export async function stepKinds(context: Pick<Context, 'capabilities'>): Promise<StepHandlers> {
  return kindsOf(await context.capabilities());
}

export const kindsOf = (capabilities: readonly Pick<Capability, 'steps'>[]): StepHandlers =>
  Object.assign({}, ...capabilities.map(({ steps }) => steps ?? {})) as StepHandlers;

/** The handler of one step. */
const kindOf = (kinds: StepHandlers, step: Step): StepKind => kinds[step.kind] as StepKind;

/** One line for a person, in the present tense. */
export const describeStep = (kinds: StepHandlers, step: Step): string => kindOf(kinds, step).describe(step);

/** Runs the steps in order, each by the handler that its capability contributes; it takes no decision. */
export async function execute(steps: readonly Step[], run: Execution): Promise<void> {
  const kinds = await stepKinds(run.context);
  let touched = false;
  for (const step of steps) {
    if (run.context.signal.aborted) throw interrupted(touched);
    const kind = kindOf(kinds, step);
    const task = kind.quiet ? undefined : run.context.report.task(kind.describe(step));
    try {
      touched ||= kind.touches === true;
      await kind.perform(step, run, task);
      task?.done();
    } catch (error) {
      task?.failed();
      throw error instanceof UserError && error.code === 'INTERRUPTED' ? interrupted(touched) : error;
    }
  }
}

const interrupted = (touched: boolean): UserError =>
  new UserError(
    'INTERRUPTED',
    touched ? 'interrupted while containers were changed; what runs is consistent' : 'interrupted; nothing that runs was changed',
    'run the same command again: it continues from here',
  );

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

/** Steps in their order; those in a row that one line can tell of are together. */
function inRows(kinds: StepHandlers, steps: readonly Step[]): Step[][] {
  const rows: Step[][] = [];
  for (const step of steps) {
    const last = rows.at(-1);
    if (last?.[0]?.kind === step.kind && kindOf(kinds, step).many) last.push(step);
    else rows.push([step]);
  }
  return rows;
}

const describeRow = (kinds: StepHandlers, row: readonly Step[]): string => {
  const [first] = row as [Step];
  return (row.length > 1 && kindOf(kinds, first).many?.(row)) || describeStep(kinds, first);
};

/** Lines for a person: one for several steps of a kind in a row. */
export const describeSteps = (kinds: StepHandlers, steps: readonly Step[]): string[] =>
  inRows(kinds, steps).map((row) => describeRow(kinds, row));

/** Runs the steps in order, each by the handler that its capability contributes; it takes no decision. */
export async function execute(steps: readonly Step[], run: Execution): Promise<void> {
  const kinds = await stepKinds(run.context);
  const rows = run.context.flags.verbose ? steps.map((step) => [step]) : inRows(kinds, steps);
  let touched = false;
  for (const row of rows) {
    if (run.context.signal.aborted) throw interrupted(touched);
    const [first] = row as [Step];
    const task = kindOf(kinds, first).quiet ? undefined : run.context.report.task(describeRow(kinds, row));
    try {
      const together = row.length > 1 && kindOf(kinds, first).performMany;
      if (together) await together(row, run);
      for (const step of together ? [] : row) {
        if (run.context.signal.aborted) throw interrupted(touched);
        const kind = kindOf(kinds, step);
        if (row.length > 1) task?.detail(kind.describe(step));
        touched ||= kind.touches === true;
        await kind.perform(step, run, task);
      }
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

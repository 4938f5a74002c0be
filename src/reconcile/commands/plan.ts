import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import { CARRY_DATA, NEW_DATA, refuseBoth } from './data-options.ts';

export const plan: Command = {
  name: 'plan',
  section: 'Start',
  summary: 'What `up` would do to each service: the cause, the downtime, the data at risk (exit 3 if anything would change)',
  example: 'medianest plan --profile dev-compose --json',
  options: [NEW_DATA, CARRY_DATA],
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { stepKinds } = await import('../../project/execute.ts');
    const { planProject } = await import('../plan-project.ts');
    const { widthOf } = await import('../../ui/fold.ts');
    const { painter } = await import('../../ui/paint.ts');
    const { describePlan } = await import('../describe.ts');
    const { leftOutLines } = await import('../../stack/images/left-out.ts');
    refuseBoth(options);
    const { loaded } = await open(context);
    const plan = await planProject(context, loaded, await context.engine(), {
      newData: options.newData === true,
      carryData: options.carryData === true,
      replaceNetworks: true,
      fetch: true,
    });
    const { prepared, changes, files, leftBehind, carried, steps } = plan;
    for (const line of prepared.moved) context.report.note(line);
    if (prepared.notIsolated) context.report.warn(prepared.notIsolated);
    const warnings = [...prepared.advice(), ...leftOutLines(prepared.stack.leftOut, '`medianest up` tries to pull it.')];
    for (const line of warnings) context.report.warn(line);
    return done(
      { profile: prepared.stack.profile, changes, files, leftBehind, carried, warnings },
      describePlan(plan, steps, await stepKinds(context), { width: widthOf(process.stdout), paint: painter(context.color) }),
      steps.length > 0 ? EXIT.pending : EXIT.done,
    );
  },
};

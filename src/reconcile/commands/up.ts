import { type Command, done } from '../../capability/capability.ts';
import { waitSecondsOf } from '../../core/flags.ts';
import { CARRY_DATA, NEW_DATA, refuseBoth } from './data-options.ts';

export const upCommand: Command = {
  name: 'up',
  section: 'Start',
  summary: 'Plan, build or pull, write, converge, wait until healthy, print where to go',
  example: 'medianest up --profile dev-compose',
  options: [
    ['--overwrite', 'Replace rendered files that were edited by hand (the edits are kept in edited/)'],
    ['--offline', 'Neither build nor pull: an image that is not here is an error'],
    ['--timeout <seconds>', 'How long to wait for services to become healthy (default: 180)'],
    NEW_DATA,
    CARRY_DATA,
  ],
  measured: true,
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { stepKinds } = await import('../../project/execute.ts');
    const { converge } = await import('../converge.ts');
    const { widthOf } = await import('../../ui/fold.ts');
    const { painter } = await import('../../ui/paint.ts');
    const { describeNext, describeUp, isFirst, nextSteps } = await import('../describe.ts');
    refuseBoth(options);
    const project = await open(context);
    const outcome = await converge(context, project, {
      overwrite: options.overwrite === true,
      waitSeconds: waitSecondsOf(options.timeout),
      offline: options.offline === true,
      newData: options.newData === true,
      carryData: options.carryData === true,
    });
    const parts = [];
    for (const { up } of await context.capabilities()) parts.push(await up?.outside?.(context, project));
    const after = parts.filter((part) => part !== undefined);
    const wanted = [];
    if (isFirst(outcome)) for (const { up } of await context.capabilities()) wanted.push(...((await up?.next?.(project)) ?? []));
    const next = isFirst(outcome) ? nextSteps(outcome, wanted) : [];
    return done(
      Object.assign({ ...outcome, ...(next.length > 0 && { next }) }, ...after.map(({ data }) => data)),
      [
        describeUp(outcome, await stepKinds(context), { width: widthOf(process.stdout), paint: painter(context.color) }),
        ...after.flatMap(({ lines }) => lines),
        ...(next.length > 0 ? [describeNext(next, widthOf(process.stdout))] : []),
      ].join('\n'),
    );
  },
};

import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { RETRY_OPTION, retryFor } from './retry-option.ts';

export const previewRemove: Command = {
  name: 'preview remove',
  summary: 'Remove a project that `restore --into` has made, with its data',
  example: 'medianest preview remove look',
  args: '<project>',
  run: async (context, [name = '']) => {
    const { removePreview } = await import('../restore/preview.ts');
    const removed = await removePreview(await context.docker(), name);
    if (removed === 0)
      throw new UserError('USAGE', `${name} is no preview; nothing was changed`, 'medianest restore latest --into NAME makes one');
    return done({ project: name, removed }, `${name} is removed`);
  },
};

export const drill: Command = {
  name: 'drill',
  section: 'Data',
  summary: 'Restore the newest backup and all WAL after it into an isolated project, check it, measure RPO and RTO, remove it',
  example: 'medianest drill',
  options: [RETRY_OPTION],
  measured: true,
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { alarmed } = await import('../alert.ts');
    const { drill: run, planDrill } = await import('../restore/drill.ts');
    const project = await open(context);
    if (context.flags.dryRun) {
      await planDrill(context, project);
      return done({ result: 'planned' }, 'would restore the newest backup and all WAL after it into a project of its own, and remove it');
    }
    const outcome = await alarmed(context, project, 'drill', () => run(context, project), {
      wrong: ({ checks }) => checks.find(({ status }) => status === 'fail')?.message,
      retryFor: retryFor(options),
    });
    const good = outcome.checks.every(({ status }) => status !== 'fail');
    const lines = [
      `${outcome.backup}: back after ${outcome.rtoSeconds.toFixed(1)} s; at most ${(outcome.rpoSeconds ?? 0).toFixed(1)} s would be lost.`,
      ...outcome.checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`),
    ];
    return done(outcome, lines.join('\n'), good ? EXIT.done : EXIT.unhealthy);
  },
};

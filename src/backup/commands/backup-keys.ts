import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const backupKeys: Command = {
  name: 'backup keys',
  summary: 'Give the backups other keys (rotate); old sets stay readable until they are pruned',
  example: 'medianest backup keys rotate',
  args: '<action>',
  run: async (context, [action]) => {
    if (action !== 'rotate') throw new UserError('USAGE', `backup keys ${action}: should be rotate`, 'medianest backup keys rotate');
    const { open } = await import('../../project/open.ts');
    const { alarmed } = await import('../alert.ts');
    const { rotateKeys } = await import('../repository/rotate-keys.ts');
    const project = await open(context);
    const outcome = await alarmed(context, project, 'backup keys rotate', () => rotateKeys(context, project));
    for (const warning of outcome.warnings) context.report.warn(warning);
    if (outcome.result === 'planned')
      return done(
        outcome,
        outcome.kind
          ? 'would give the dumps and the files a new key, and make a backup'
          : `would give the files a new key, and start key version ${outcome.generation} of the database’s backups with a full backup`,
      );
    const old = outcome.kind
      ? ' Older sets are opened by them too.'
      : outcome.readable.length > 0
        ? ' What is older stays readable until it is pruned.'
        : '';
    return done(
      outcome,
      `The backups have new keys after ${outcome.seconds.toFixed(1)} s, and ${outcome.backup} was made with them.${old}\nThe old recovery kit opens none of the new backups: medianest backup kit FILE`,
    );
  },
};

import { type Command, done } from '../../capability/capability.ts';
import { EXIT } from '../../core/errors.ts';
import { COPIES_COMMAND } from '../plan/copies.ts';

export const backupCopies: Command = {
  name: COPIES_COMMAND,
  summary: 'How far the copies elsewhere have got (exit 5 if one is behind by more than an hour)',
  example: 'medianest backup copies',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { watchCopies } = await import('../copies/copies.ts');
    const checks = await watchCopies(context, await open(context));
    const lines = checks.map(({ status, message }) => `${status.padEnd(4)}  ${message}`);
    const text = lines.length > 0 ? lines.join('\n') : 'There are no copies elsewhere: backup.copies';
    return done({ copies: checks }, text, checks.some(({ status }) => status === 'fail') ? EXIT.unhealthy : EXIT.done);
  },
};

export const backupFetch: Command = {
  name: 'backup fetch',
  summary: 'Fetch everything in a copy into the repository here, which must be empty or the same one',
  example: 'medianest backup fetch sftp',
  args: '<copy>',
  run: async (context, [name = '']) => {
    const { open } = await import('../../project/open.ts');
    const { fetchCopy } = await import('../copies/fetch.ts');
    if (context.flags.dryRun) return done({ copy: name, result: 'planned' }, `would fetch the contents of the copy ${name}`);
    const outcome = await fetchCopy(context, await open(context), name);
    return done(outcome, `${outcome.sets.length} sets are here: ${outcome.sets.join(', ') || '-'}`);
  },
};

import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

export const backupExport: Command = {
  name: 'backup export',
  summary: 'Write one set into a file of its own, encrypted, with its sums and how to restore it: for tape or a drawer',
  example: 'medianest backup export --to /media/disk/home.tar',
  args: '[backup]',
  options: [
    ['--to <file>', 'Which file; a page to print (FILE.txt) and its sum (FILE.sha256) are written beside it'],
    ['--with-wal', 'Also what came after the set, so that any moment since can be restored'],
  ],
  run: async (context, [id], options) => {
    if (options.to === undefined)
      throw new UserError('USAGE', 'a file to write to has to be named', 'medianest backup export --to /media/disk/home.tar');
    const { open } = await import('../../project/open.ts');
    const { exportSet } = await import('../archive/export.ts');
    const { bytes } = await import('../../core/plural.ts');
    const outcome = await exportSet(context, await open(context), id, String(options.to), options.withWal === true);
    if (outcome.result === 'planned') return done(outcome, `would write ${outcome.backup} to ${outcome.file}`);
    const text = `${outcome.backup} is in ${outcome.file}: ${bytes(outcome.bytes)}, after ${outcome.seconds.toFixed(1)} s. Print ${outcome.page}:\n\n${outcome.recipe}`;
    return done(outcome, text.trimEnd());
  },
};

export const backupImport: Command = {
  name: 'backup import',
  summary: 'Take a set from a file that `backup export` wrote back into the repository',
  example: 'medianest backup import /media/disk/home.tar',
  args: '<file>',
  measured: true,
  run: async (context, [file = '']) => {
    const { open } = await import('../../project/open.ts');
    const { checkArchive, importSet } = await import('../archive/import.ts');
    const outcome = await importSet(context, await open(context), await checkArchive(context, file));
    if (outcome.result === 'planned') return done(outcome, `${outcome.file} is whole: would take its set into the repository`);
    const there = outcome.result === 'there-already' ? 'was there already' : `is in the repository after ${outcome.seconds.toFixed(1)} s`;
    return done(outcome, `${outcome.backup} ${there}: medianest restore ${outcome.backup}`);
  },
};

import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { listOf } from '../../core/flags.ts';
import { bytes, plural } from '../../core/plural.ts';

export const importFilesCommand: Command = {
  name: 'import files',
  summary: 'Files from elsewhere into a volume of the application: a folder, a volume, or a folder of a container; the source is only read',
  example: 'medianest import files volume:old_uploads --to uploads',
  args: '<sources...>',
  options: [
    [
      '--to <volumes>',
      '`uploads`, or a name of app.volumes; of a process beside the app, PROCESS_NAME. One for each source, separated by commas',
    ],
    ['--replace', 'Files of the source count where the volume has others of the same name'],
  ],
  measured: true,
  run: async (context, sources, options) => {
    const to = listOf(options.to) ?? [];
    if (sources.length === 0 || to.length !== sources.length)
      throw new UserError(
        'USAGE',
        `--to names ${plural(to.length, 'volume')} for ${plural(sources.length, 'source')}: one for each`,
        'medianest import files ./uploads volume:old_data --to uploads,data',
      );
    if (new Set(to).size < to.length) throw new UserError('USAGE', '--to names a volume twice', 'import one after the other');
    const { open } = await import('../../project/open.ts');
    const { importFiles } = await import('../files/import-files.ts');
    const pairs = sources.map((from, index) => ({
      from: /^(volume|container):/.test(from) ? from : path.resolve(context.cwd, from),
      to: to[index] as string,
    }));
    const outcome = await importFiles(context, await open(context), { pairs, replace: options.replace === true });
    const word = outcome.result === 'planned' ? 'would copy' : 'copied';
    const lines = outcome.copied.map(
      (entry) =>
        `${word} ${plural(entry.files, 'file')} (${bytes(entry.bytes)}) from ${entry.from} to ${entry.to}${entry.left.length > 0 ? `; not copied: ${entry.left.join('; ')}` : ''}`,
    );
    return done(outcome, lines.join('\n'));
  },
};

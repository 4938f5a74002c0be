import path from 'node:path';
import type { Context } from '../../capability/capability.ts';
import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

/** From a file or the terminal: never an argument, which everybody on this host could read. */
export async function passphrase(context: Context, file: unknown): Promise<string> {
  if (typeof file === 'string') {
    const { readOptional } = await import('../../core/files.ts');
    const text = readOptional(path.resolve(context.cwd, file))?.replace(/\r?\n$/, '');
    if (text === undefined)
      throw new UserError('USAGE', `--passphrase-file ${file}: there is no such file`, 'name a file that contains the passphrase');
    return text;
  }
  const typed = await context.ask('Passphrase of the recovery kit: ', true);
  if (typed) return typed;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    'the recovery kit needs a passphrase; nothing was changed',
    'type it, or pass --passphrase-file FILE',
  );
}

export const PASSPHRASE_FILE = ['--passphrase-file <file>', 'Where the passphrase stands; asked where it is not given'] as const;

export const backupKit: Command = {
  name: 'backup kit',
  summary: 'Write the recovery kit: what a bare host needs to restore everything, encrypted with a passphrase',
  example: 'medianest backup kit /media/stick/medianest.kit',
  args: '<file>',
  options: [PASSPHRASE_FILE],
  run: async (context, [file = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { exportKit, kitParts } = await import('../restore/kit.ts');
    const project = await open(context);
    const parts = await kitParts(context, project);
    const kit = exportKit(context, project, path.resolve(context.cwd, file), await passphrase(context, options.passphraseFile), parts);
    return done(kit, `The recovery kit is ${kit.file}; print ${kit.page}. Keep both, and the passphrase, away from this host.`);
  },
};

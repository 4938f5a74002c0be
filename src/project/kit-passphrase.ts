import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional } from '../core/files.ts';

/** Of a recovery kit, from a file or the terminal: never an argument, which everybody on this host could read. @throws UserError */
export async function kitPassphrase(context: Context, file: unknown): Promise<string> {
  if (typeof file === 'string') {
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

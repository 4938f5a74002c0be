import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { readOptional, statOptional } from '../core/files.ts';

/** Of a recovery kit, from a file or the terminal: never an argument, which everybody on this host could read. @throws UserError */
export async function kitPassphrase(context: Context, file: unknown): Promise<string> {
  if (typeof file === 'string') return passphraseIn(context, '--passphrase-file', file);
  const typed = await context.ask('Passphrase of the recovery kit: ', true);
  if (typed) return typed;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    'the recovery kit needs a passphrase; nothing was changed',
    'type it, or pass --passphrase-file FILE',
  );
}

/** The passphrase in a file, without the end of its line. @param option names the file in the message @throws UserError USAGE */
export function passphraseIn(context: Context, option: string, file: string): string {
  const name = path.resolve(context.cwd, file);
  // A pipe that a person names is one that another program writes the passphrase to.
  const text = (statOptional(name)?.isFIFO() ? readFileSync(name, 'utf8') : readOptional(name))?.replace(/\r?\n$/, '');
  if (text) return text;
  throw new UserError(
    'USAGE',
    `${option} ${file}: ${text === '' ? 'it is empty' : 'there is no such file'}; nothing was changed`,
    'name a file that contains the passphrase',
  );
}

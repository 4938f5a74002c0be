import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { passphraseIn } from '../project/passphrase.ts';

const LEAST = 12;

/** From a file or the terminal: never an argument, which everybody on this host could read. */
export async function currentPassphrase(context: Context, file: unknown): Promise<string> {
  if (typeof file === 'string') return passphraseIn(context, '--passphrase-file', file);
  const typed = await context.ask('Passphrase of the data: ', true);
  if (typed) return typed;
  throw new UserError(
    'CONFIRMATION_NEEDED',
    'the data is locked, and its passphrase is needed; nothing was changed',
    'type it at a terminal: sudo medianest storage unlock; or pass --passphrase-file FILE to that command, then: medianest up',
  );
}

/** One that is to open the data from now on. @param option its option, where the command has one */
export async function newPassphrase(context: Context, file: unknown, option = '--passphrase-file'): Promise<string> {
  const passphrase = typeof file === 'string' ? passphraseIn(context, option, file) : await askedTwice(context, option);
  if (passphrase.length >= LEAST) return passphrase;
  throw new UserError(
    'USAGE',
    `the passphrase has fewer than ${LEAST} characters; nothing was changed`,
    'choose a longer one, such as five random words',
  );
}

async function askedTwice(context: Context, option: string): Promise<string> {
  const typed = await context.ask('New passphrase of the data, without which it cannot be read: ', true);
  if (!typed)
    throw new UserError(
      'CONFIRMATION_NEEDED',
      'the data needs a new passphrase; nothing was changed',
      option === '--passphrase-file'
        ? 'type it at a terminal: sudo medianest storage unlock; or pass --passphrase-file FILE to that command'
        : 'type it at a terminal, or: sudo medianest storage keys rotate --new-passphrase-file FILE',
    );
  if ((await context.ask('The same once more: ', true)) === typed) return typed;
  throw new UserError('USAGE', 'the two passphrases differ; nothing was changed', 'run the same command again');
}

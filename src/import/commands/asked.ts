import path from 'node:path';
import type { Context, Options } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';

const REHEARSE = 'type the name of the project, or pass --yes; --into NAME rehearses it first';

/** What is about to happen, and the project's name typed as confirmation. @throws UserError CONFIRMATION_NEEDED */
export async function confirmed(
  context: Context,
  project: string,
  lines: readonly string[],
  question: string,
  hint = REHEARSE,
): Promise<void> {
  for (const line of lines) context.report.note(line);
  const typed = context.flags.yes ? project : await context.ask(`${question} Type the name of the project (${project}) to continue: `);
  if (typed === project) return;
  throw new UserError('CONFIRMATION_NEEDED', 'not confirmed; nothing was changed', hint);
}

export const numbered = (steps: readonly string[]): string[] => [
  'What will happen:',
  ...steps.map((step, index) => `  ${index + 1}. ${step}`),
];

/** The password of a URL: from a file, the environment, or typed. */
export async function passwordOf(
  context: Context,
  options: Options,
  inUrl: string | undefined,
  variable: string,
): Promise<string | undefined> {
  if (options.passwordFile !== undefined) {
    const { readFileSync } = await import('node:fs');
    const { systemCode } = await import('../../core/errors.ts');
    const file = path.resolve(context.cwd, String(options.passwordFile));
    try {
      return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      throw new UserError('USAGE', `--password-file ${file} cannot be read (${systemCode(error)})`, 'correct its path', { cause: error });
    }
  }
  return inUrl ?? context.env[variable] ?? (await context.ask('Password of the source (empty: none): ', true));
}

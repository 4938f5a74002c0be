/** What a colour stands for. No colour says anything that the words beside it do not say too. */
export type Tone = 'ok' | 'warn' | 'fail' | 'soft' | 'strong';

export type Paint = (tone: Tone, text: string) => string;

const CODES: Readonly<Record<Tone, number>> = { ok: 32, warn: 33, fail: 31, soft: 2, strong: 1 };

/** The beginning or the end of what `painter` has painted. */
export const PAINTED = new RegExp(`\\u001b\\[(?:0|${Object.values(CODES).join('|')})m`);

export const painter =
  (color: boolean): Paint =>
  (tone, text) =>
    color && text !== '' ? `\u001b[${CODES[tone]}m${text}\u001b[0m` : text;

/**
 * Whether a stream shows colours. NO_COLOR (no-color.org) and `--no-color` win over all else; CLICOLOR_FORCE and CLICOLOR
 * (bixense.com/clicolors) ask for them where the stream is no terminal, and do without where it is one.
 * @param allowed false where the command line or NO_COLOR forbids them
 */
export function showsColor(allowed: boolean, env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  if (!allowed || env.NO_COLOR) return false;
  if (env.CLICOLOR_FORCE && env.CLICOLOR_FORCE !== '0') return true;
  return isTerminal && env.TERM !== 'dumb' && env.CLICOLOR !== '0';
}

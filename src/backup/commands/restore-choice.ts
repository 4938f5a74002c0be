import type { Context, Options, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shellWord } from '../../core/shell-word.ts';
import type { Aim } from '../plan/restore-choice.ts';

/** The options that say where and what, as they were typed: they stay as they are in the examples of a refusal. */
const KEPT = ['only', 'into', 'from'] as const;

const AGAIN = 'What is to be restored: ';

const wordsOf = (options: Options): string =>
  [
    ...KEPT.flatMap((name) => (options[name] === undefined ? [] : [`--${name} ${shellWord(String(options[name]))}`])),
    ...(options.sanitize === true ? ['--sanitize'] : []),
  ].join(' ');

/**
 * What to restore. Where the command line does not say it, the person at the terminal is shown the sets and asked; an interrupted
 * restore needs no answer.
 * @throws UserError USAGE without a terminal, or with --yes: a guess could bring back what is to be undone
 */
export async function aimAtTerminal(context: Context, { state }: Project, aim: Aim, options: Options): Promise<Aim> {
  if (aim.set !== undefined || aim.to !== undefined) return aim;
  const { underWay } = await import('../restore/journal.ts');
  if (options.into === undefined && underWay(state)) return aim;
  const { aimOf, nothingNamed, setRows, setsToShow } = await import('../plan/restore-choice.ts');
  const { isDump } = await import('../plan/backup-sets.ts');
  const { readCatalogue } = await import('../repository/catalogue.ts');
  const { bytes } = await import('../../core/plural.ts');
  const { table } = await import('../../ui/table.ts');
  const sets = readCatalogue(state)?.sets;
  const shown = setsToShow(sets ?? []);
  const more = (sets ?? []).length - shown.length;
  const question = [
    table(setRows(shown, bytes)),
    ...(more > 0 ? [`${more} older: medianest backup list`] : []),
    ...(shown.every(isDump)
      ? ['A number restores that set as of its end.']
      : [
          'A number restores that set as of its end; `newest` everything that can be reached, also what happened a moment ago;',
          'a time, such as "10 minutes ago" or "2026-11-25 09:30:00+01:00", that moment.',
        ]),
    AGAIN,
  ].join('\n');
  for (let first = true; ; first = false) {
    const asks = !context.flags.yes && shown.length > 0;
    const answer = asks ? await context.ask(first ? question : AGAIN) : undefined;
    if (answer === undefined) throw nothingNamed(sets, context.clock.now(), wordsOf(options));
    if (answer.trim() === '') continue;
    try {
      return aimOf(answer, shown, sets ?? [], context.clock.now());
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.report.note(`${error.message.replace(/^--to /, '')}; ${error.hint.replaceAll('--to ', '')}`);
    }
  }
}

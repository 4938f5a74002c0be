import { UserError } from '../../core/errors.ts';
import { momentOf, utcText } from '../../core/time.ts';
import { type BackupSet, byAge, databaseName, isDump, isGood } from './backup-sets.ts';

/** What a person asks for: a set as of its end (`latest`, or its id), a moment, or everything that can be reached (`newest`). */
export interface Aim {
  set: string | undefined;
  to: Date | 'newest' | undefined;
}

/** So many sets are shown where one is asked for; `backup list` names the others. */
const SHOWN = 15;

/** The sets as a person is shown them, the newest first. */
export const setsToShow = (sets: readonly BackupSet[]): BackupSet[] => [...sets].sort(byAge).reverse().slice(0, SHOWN);

function noteOf(set: BackupSet, latest: BackupSet | undefined): string {
  if (!isGood(set)) return `damaged: ${set.problems?.[0]}`;
  if (set === latest) return set.note ? `latest, ${set.note}` : 'latest';
  if (set.reason === 'safety') return 'safety set: made before a restore';
  return set.importedAt ? `imported ${utcText(set.importedAt)}` : (set.note ?? '');
}

/**
 * A table of them: the header, and a row for each.
 * @param shown the newest first @param sizeText how a size in bytes is told
 */
export function setRows(shown: readonly BackupSet[], sizeText: (bytes: number) => string): string[][] {
  const latest = shown.find((set) => isGood(set) && set.reason !== 'safety');
  const row = (set: BackupSet, index: number) => [
    String(index + 1),
    set.id,
    utcText(set.parts.db.consistentAt),
    set.type,
    sizeText(set.sizeBytes),
    noteOf(set, latest),
  ];
  return [['#', 'SET', 'END', 'TYPE', 'SIZE', 'NOTE'], ...shown.map(row)];
}

/**
 * What a person who was shown the sets has answered: a number, an id, `latest`, `newest` or a time.
 * @throws UserError USAGE, with words to ask again with
 */
export function aimOf(answer: string, shown: readonly BackupSet[], sets: readonly BackupSet[], now: Date): Aim {
  const text = answer.trim();
  if (text === 'newest') return { set: undefined, to: 'newest' };
  if (text === 'latest') return { set: 'latest', to: undefined };
  const known = sets.find((set) => set.id === text || databaseName(set) === text);
  if (known) return { set: known.id, to: undefined };
  if (!/^\d+$/.test(text)) return { set: undefined, to: momentOf('--to', text, now) };
  const numbered = shown[Number(text) - 1];
  if (numbered) return { set: numbered.id, to: undefined };
  throw new UserError('USAGE', `there is no set number ${text}`, `a number from 1 to ${shown.length}`);
}

const TEN_MINUTES = 600_000;

/** A moment that can be restored, as it is typed: where one is known. */
function momentToType(good: readonly BackupSet[], now: Date): string {
  const reachable = good.some(({ parts }) => now.getTime() - new Date(parts.db.consistentAt).getTime() > TEN_MINUTES);
  const newest = good.at(-1);
  return reachable || !newest ? '10 minutes ago' : utcText(newest.parts.db.consistentAt);
}

/**
 * The refusal of a restore that names nothing: one that guessed could bring back what is to be undone.
 * @param sets those that are known; undefined where that cannot be told @param more the other words of the command, such as `--into look`
 */
export function nothingNamed(sets: readonly BackupSet[] | undefined, now: Date, more = ''): UserError {
  const good = [...(sets ?? [])].sort(byAge).filter(isGood);
  const id = good.findLast(({ reason }) => reason !== 'safety')?.id ?? good.at(-1)?.id;
  const command = (words: string) => `medianest restore ${words}${more && ` ${more}`}`;
  const ways = [
    [command('latest'), 'the newest set, as of its end'],
    ...(id ? [[command(id), 'any set by its id, as of its end (medianest backup list)']] : []),
    ...(sets?.length && sets.every(isDump)
      ? []
      : [
          [command(`--to "${momentToType(good, now)}"`), 'a moment'],
          [command('--to newest'), 'everything that can be reached, also what happened a moment ago'],
        ]),
  ] as const;
  const width = Math.max(...ways.map(([line]) => (line as string).length));
  return new UserError(
    'USAGE',
    'what to restore is not said: a set, a moment, or everything that can be reached; nothing was changed',
    ['say one of these:', ...ways.map(([line, meaning]) => `  ${(line as string).padEnd(width)}  ${meaning}`)].join('\n'),
  );
}

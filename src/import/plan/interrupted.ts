import type { Check } from '../../capability/check.ts';
import type { Importing, ImportingCache, Kept } from '../database/journal.ts';

/** An import that was killed: what it has stopped is still stopped. @returns for `health` */
export function interruptedChecks(underWay: Importing | undefined): Check[] {
  if (!underWay) return [];
  const { source, at, stoppedApp, stoppedSource, database, back } = underWay;
  const stopped = stoppedNames(underWay);
  return [
    {
      id: 'import',
      status: stopped.length > 0 ? 'fail' : 'warn',
      message: `${back ? `the way back to the database ${database}` : `the import of ${source}`}, started ${at}, was interrupted${stopped.length > 0 ? ` after it had stopped ${stopped.join(', ')}` : ''}`,
      remedy: [
        back
          ? `where ${database} is still there, run it again: medianest import database --back; where it is gone, it is the database already`
          : 'run it again: it starts over; where the database was replaced already, `medianest import database --back` returns to the one before, which `--remove` deletes',
        ...(stoppedApp.length > 0 ? ['medianest up'] : []),
        ...(stoppedSource.length > 0 ? [`docker start ${stoppedSource.join(' ')}`] : []),
      ].join(', '),
    },
  ];
}

const stoppedNames = ({ stoppedApp, stoppedSource }: Pick<Importing, 'stoppedApp' | 'stoppedSource'>): string[] => [
  ...stoppedApp,
  ...stoppedSource.map((name) => `${name} (of the other project)`),
];

/** The same of a cache. While it was written, it has a part of the keys. */
export function interruptedCacheChecks(cache: ImportingCache | undefined): Check[] {
  if (!cache) return [];
  const { source, at, stoppedApp, stoppedSource, writing } = cache;
  const stopped = stoppedNames(cache);
  return [
    {
      id: 'import.cache',
      status: writing || stopped.length > 0 ? 'fail' : 'warn',
      message: `the import of ${source} into the cache, started ${at}, was interrupted${writing ? ': the cache may have a part of its keys alone' : ''}${stopped.length > 0 ? `; ${stopped.join(', ')} had been stopped` : ''}`,
      remedy: [
        'run it again: it starts over',
        ...(stoppedApp.length > 0 ? ['medianest up starts the application with what the cache has'] : []),
        ...(stoppedSource.length > 0 ? [`docker start ${stoppedSource.join(' ')}`] : []),
      ].join(', '),
    },
  ];
}

/** For `status`. */
export const importNotes = (underWay: Importing | undefined, kept: readonly Kept[], cache?: ImportingCache): string[] => [
  ...[...interruptedChecks(underWay), ...interruptedCacheChecks(cache)].map(({ message, remedy }) => `${message}: ${remedy}`),
  ...kept.map(
    ({ name, by, at }) =>
      `the database before the import of ${by} (${at}) is kept as ${name}: \`medianest import database --remove\` removes it`,
  ),
];

/** @param services of the stack, and containers of others, that run */
export const stillStopped = <I extends Pick<Importing, 'stoppedApp' | 'stoppedSource'>>(
  underWay: I,
  services: readonly string[],
  others: readonly string[],
): I => ({
  ...underWay,
  stoppedApp: underWay.stoppedApp.filter((name) => !services.includes(name)),
  stoppedSource: underWay.stoppedSource.filter((name) => !others.includes(name)),
});

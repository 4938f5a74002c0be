import type { Check } from '../../capability/check.ts';
import type { Importing, Kept } from '../database/journal.ts';

/** An import that was killed: what it has stopped is still stopped. @returns for `health` */
export function interruptedChecks(underWay: Importing | undefined): Check[] {
  if (!underWay) return [];
  const { source, at, stoppedApp, stoppedSource } = underWay;
  const stopped = [...stoppedApp, ...stoppedSource.map((name) => `${name} (of the other project)`)];
  return [
    {
      id: 'import',
      status: stopped.length > 0 ? 'fail' : 'warn',
      message: `the import of ${source}, started ${at}, was interrupted${stopped.length > 0 ? ` after it had stopped ${stopped.join(', ')}` : ''}`,
      remedy: [
        'run it again: it starts over; where the database was replaced already, `medianest import database --back` returns to the one before, which `--remove` deletes',
        ...(stoppedApp.length > 0 ? ['medianest up'] : []),
        ...(stoppedSource.length > 0 ? [`docker start ${stoppedSource.join(' ')}`] : []),
      ].join(', '),
    },
  ];
}

/** For `status`. */
export const importNotes = (underWay: Importing | undefined, kept: readonly Kept[]): string[] => [
  ...interruptedChecks(underWay).map(({ message, remedy }) => `${message}: ${remedy}`),
  ...kept.map(
    ({ name, by, at }) =>
      `the database before the import of ${by} (${at}) is kept as ${name}: \`medianest import database --remove\` removes it`,
  ),
];

/** @param services of the stack, and containers of others, that run */
export const stillStopped = (underWay: Importing, services: readonly string[], others: readonly string[]): Importing => ({
  ...underWay,
  stoppedApp: underWay.stoppedApp.filter((name) => !services.includes(name)),
  stoppedSource: underWay.stoppedSource.filter((name) => !others.includes(name)),
});

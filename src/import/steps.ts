import type { StepHandlers, StepKind } from '../capability/capability.ts';
import type { ImportSteps } from './plan/import-steps.ts';

/** What carries a step out is loaded with the first one: this list is part of every start. */
const later =
  <K extends keyof ImportSteps>(kind: K): StepKind<K>['perform'] =>
  async (step, run, task) => {
    const { performers } = await import('./database/perform.ts');
    return performers[kind](step, run, task);
  };

/** The steps of an import of a database. */
export const importSteps = {
  'drop-databases': {
    describe: ({ names }) => `remove the database ${names.join(', ')}`,
    perform: later('drop-databases'),
  },
  'create-import-database': {
    describe: ({ database, extensions }) =>
      `create the database ${database}${extensions.length > 0 ? ` with ${extensions.join(', ')}` : ''}`,
    perform: later('create-import-database'),
  },
  'stop-source': {
    describe: ({ containers }) => `stop ${containers.join(', ')} of the other project`,
    perform: later('stop-source'),
  },
  'load-database': {
    describe: ({ database, source }) => `load ${source} into ${database}`,
    perform: later('load-database'),
  },
  'check-import': {
    describe: ({ database }) => `compare rows and sequences of ${database} with the source`,
    perform: later('check-import'),
  },
  'stop-application': {
    describe: ({ services }) => `stop ${services.join(', ')}: the application is away from here on`,
    perform: later('stop-application'),
    touches: true,
  },
  'carry-sign-on': {
    describe: ({ database }) => `copy what sign-on keeps to ${database}`,
    perform: later('carry-sign-on'),
  },
  'switch-database': {
    describe: ({ database, kept }) => `put ${database} in the place of the database, which is kept as ${kept}`,
    perform: later('switch-database'),
    touches: true,
  },
} satisfies Pick<StepHandlers, keyof ImportSteps>;

import type { Step } from '../../capability/capability.ts';

/** What an import of a database does. What each step knows besides its data is in the run (database/import-run.ts). */
export interface ImportSteps {
  /** What killed imports have left. */
  'drop-databases': { names: string[] };
  'create-import-database': { database: string; extensions: string[] };
  /** Containers of another project, so that nothing is written to the source any more. */
  'stop-source': { containers: string[] };
  'load-database': { database: string; source: string };
  /** Rows and sequences are those of the dump. */
  'check-import': { database: string };
  'stop-application': { services: string[] };
  /** What sign-on keeps in a schema of the database that runs: accounts, second factors, sessions. */
  'carry-sign-on': { database: string };
  /** Both names change in one transaction. */
  'switch-database': { database: string; kept: string };
}

declare module '../../capability/capability.ts' {
  interface StepKinds extends ImportSteps {}
}

const WAIT_SECONDS = 300;

export interface ImportPlan {
  database: string;
  source: string;
  /** Databases that killed imports have left. */
  halves: readonly string[];
  /** Extensions that only a superuser creates. */
  extensions: readonly string[];
  /** What the database that is replaced is called from then on; undefined where nothing is switched. */
  kept: string | undefined;
  /** Containers of the other project that are stopped before the dump. */
  stop: readonly string[];
  application: Application;
}

export interface Application {
  services: readonly string[];
  /** One-off services that migrate its database. */
  migrations: readonly string[];
  /** The database that runs has the schema of sign-on. */
  signOn: boolean;
}

/** Loads beside the database that runs, which is not touched. */
export const loadSteps = ({ database, source, halves, extensions, stop }: ImportPlan): Step[] => [
  ...(halves.length > 0 ? [{ kind: 'drop-databases' as const, names: [...halves], cause: 'an interrupted import has left them' }] : []),
  { kind: 'create-import-database', database, extensions: [...extensions], cause: 'the running one is not touched' },
  ...(stop.length > 0 ? [{ kind: 'stop-source' as const, containers: [...stop], cause: 'what it wrote from here on would be lost' }] : []),
  { kind: 'load-database', database, source, cause: 'asked for' },
  { kind: 'check-import', database, cause: 'nothing may be missing' },
];

/** Puts a database in the place of the one that runs. Also the way back. */
export const switchSteps = ({ services, migrations, signOn }: Application, database: string, kept: string): Step[] => [
  ...stopSteps({ services }),
  ...(signOn ? [{ kind: 'carry-sign-on' as const, database, cause: 'it is no part of what is replaced' }] : []),
  { kind: 'switch-database', database, kept, cause: 'asked for' },
  ...migrations.map((service) => ({ kind: 'run-one-off' as const, service, cause: 'the application may need a newer schema' })),
  ...startSteps({ services }),
];

export const stopSteps = ({ services }: Pick<Application, 'services'>): Step[] =>
  services.length > 0 ? [{ kind: 'stop-application', services: [...services], cause: 'it uses the database' }] : [];

export const startSteps = ({ services }: Pick<Application, 'services'>): Step[] =>
  services.length > 0
    ? [
        {
          kind: 'compose-up',
          services: [...services],
          forced: [],
          alone: true,
          waitSeconds: WAIT_SECONDS,
          cause: 'it was stopped for the import',
        },
      ]
    : [];

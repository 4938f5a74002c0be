import { databaseFolder, databaseKey } from '../../../services/backup/settings/key-versions.ts';

/** What a restore of the database is told, by its environment (engine/restore-database.ts). */
export interface RestoreOrder {
  /** The folder that it is restored into. */
  data: string;
  /** pgBackRest’s label; undefined: what is in the folder follows WAL from where it is. */
  set: string | undefined;
  /** All WAL there is, until the set is consistent, or until `target`. */
  until: 'end' | 'set' | 'time';
  /** A time, as PostgreSQL reads it. */
  target: string;
  /** Whether every page and index is checked. */
  check: boolean;
  /** Of the repository: the set’s, and those after it, where WAL of after it may be. */
  generations: number[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Error where it says too little */
export function parseOrder(environment: Environment): RestoreOrder {
  const { DATA = '', SET = '', UNTIL = '', TARGET = '', CHECK = '', GENERATIONS = '' } = environment;
  const until = (['end', 'set', 'time'] as const).find((each) => each === UNTIL);
  const generations = GENERATIONS.split(' ').filter(Boolean).map(Number);
  if (DATA === '' || generations.length === 0 || (SET !== '' && until === undefined) || (until === 'time' && TARGET === ''))
    throw new Error('restore-database needs DATA, GENERATIONS, UNTIL and, for a time, TARGET');
  return { data: DATA, set: SET || undefined, until: until ?? 'end', target: TARGET, check: CHECK === 'yes', generations };
}

/** The repositories that pgBackRest reads, in this order, and the secret that opens each. */
export const repositoriesOf = (generations: readonly number[]): { path: string; secret: string }[] =>
  generations.map((generation) => ({ path: `/srv/backups/${databaseFolder(generation)}`, secret: databaseKey(generation) }));

/**
 * The environment of pgBackRest, and of what fetches WAL for PostgreSQL: keys are in no argument.
 * @param keys of the repositories, in their order
 */
export function backrestEnvironment(given: Environment, repositories: readonly { path: string }[], keys: readonly string[]): Environment {
  // The server’s own settings are not for this.
  const { PGBACKREST_CONFIG: _, PGBACKREST_CONFIG_INCLUDE_PATH: __, PGDATA: ___, ...rest } = given;
  const own = repositories.flatMap(({ path }, index) => [
    [`PGBACKREST_REPO${index + 1}_PATH`, path],
    [`PGBACKREST_REPO${index + 1}_CIPHER_TYPE`, 'aes-256-cbc'],
    [`PGBACKREST_REPO${index + 1}_CIPHER_PASS`, keys[index]],
  ]);
  return {
    ...rest,
    LC_ALL: 'C.UTF-8',
    ...Object.fromEntries(own),
    PGBACKREST_LOG_LEVEL_CONSOLE: 'off',
    PGBACKREST_LOG_LEVEL_FILE: 'off',
    PGBACKREST_LOG_LEVEL_STDERR: 'warn',
  };
}

/** What every call of pgBackRest is told. */
export const backrestOptions = (data: string): string[] => [
  '--no-config',
  '--stanza=medianest',
  `--pg1-path=${data}`,
  '--lock-path=/tmp/lock',
];

/**
 * How pgBackRest restores the set.
 * @param timeline `current` for a set of a timeline that was left behind: it is not on the way to the latest one
 */
export function restoreOptions({ set, until, target }: RestoreOrder, timeline: 'latest' | 'current'): string[] {
  const how = {
    end: ['--type=default'],
    set: ['--type=immediate', '--target-action=promote'],
    time: ['--type=time', `--target=${target}`, '--target-action=promote'],
  }[until];
  // One that stops where the set is consistent follows no timeline.
  const along = until === 'set' || timeline === 'latest' ? [] : [`--target-timeline=${timeline}`];
  return ['restore', '--process-max=2', `--set=${set}`, '--archive-mode=off', ...how, ...along];
}

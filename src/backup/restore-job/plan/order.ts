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
  /** The timeline that a time is on: `current`, the set’s own, or a number; undefined: the latest that the set leads to. */
  timeline: string | undefined;
  /** Whether every page and index is checked. */
  check: boolean;
  /** Of the repository: the set’s, and those after it, where WAL of after it may be. */
  generations: number[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Error where it says too little */
export function parseOrder(environment: Environment): RestoreOrder {
  const { DATA = '', SET = '', UNTIL = '', TARGET = '', TIMELINE = '', CHECK = '', GENERATIONS = '' } = environment;
  const until = (['end', 'set', 'time'] as const).find((each) => each === UNTIL);
  const generations = GENERATIONS.split(' ').filter(Boolean).map(Number);
  if (
    DATA === '' ||
    generations.length === 0 ||
    (SET !== '' && until === undefined) ||
    (until === 'time' && TARGET === '') ||
    !/^(current|\d+|)$/.test(TIMELINE)
  )
    throw new Error('restore-database needs DATA, GENERATIONS, UNTIL and, for a time, TARGET');
  return {
    data: DATA,
    set: SET || undefined,
    until: until ?? 'end',
    target: TARGET,
    timeline: TIMELINE || undefined,
    check: CHECK === 'yes',
    generations,
  };
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

/** One way to recover: how far, and along which timeline. */
export interface Way {
  until: RestoreOrder['until'];
  timeline: string;
  /** Only if the way before it ended with this in PostgreSQL’s log; pgBackRest’s refusal of the timeline counts as any end. */
  after?: RegExp;
}

/** No transaction was committed on that timeline after the time. */
const ENDED_BEFORE = /recovery ended before configured recovery target was reached/;

/**
 * The ways to recover, each if the one before was in vain. A set of a timeline that was left behind is not on the way to the latest
 * one; one that stops where the set is consistent follows none. If nothing was committed behind a time, its timeline is followed to its end.
 */
export function waysOf({ until, timeline }: RestoreOrder): readonly Way[] {
  if (until === 'set') return [{ until, timeline: 'current' }];
  if (timeline === undefined) return ['latest', 'current'].map((each) => ({ until, timeline: each }));
  return [
    { until, timeline },
    { until: 'end', timeline, after: ENDED_BEFORE },
  ];
}

/** pgBackRest’s exit status where the set is not on the way to the timeline: it says so before it copies anything. */
export const NOT_ON_THE_WAY = 58;

/** How pgBackRest restores the set for one of these ways. */
export function restoreOptions({ set, target }: RestoreOrder, { until, timeline }: Way): string[] {
  const how = {
    end: ['--type=default'],
    // It takes no timeline, and follows the set’s own.
    set: ['--type=immediate', '--target-action=promote'],
    time: ['--type=time', `--target=${target}`, '--target-action=promote'],
  }[until];
  const along = until === 'set' || timeline === 'latest' ? [] : [`--target-timeline=${timeline}`];
  return ['restore', '--process-max=2', `--set=${set}`, '--archive-mode=off', ...how, ...along];
}

import { UserError } from '../../core/errors.ts';
import type { Stack } from '../../stack/types.ts';
import { type BackupSet, type DumpPart, type DumpSet, isDump } from './backup-sets.ts';
import { keepsDumps } from './holds.ts';
import type { Aim } from './restore-choice.ts';
import type { Part } from './restore-part.ts';

/*
 * The database of a stack without a cluster: its server dumps each database in one snapshot of it, and restic stores that as a file.
 */

/** What a dump, and the roles, are called in their snapshots. */
export const DUMP_FILE = 'database.dump';
export const ROLES_FILE = 'roles.sql';

/** How the server knows a dump, so that one whose command was killed can be ended. */
export const DUMP_APPLICATION = 'medianest-backup';

/** A command that was killed leaves its dump in the server: it holds a snapshot, and waits for a reader for ever. */
export const END_DUMPS_SQL = `select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = '${DUMP_APPLICATION}' and pid <> pg_backend_pid()`;

/** Which databases there are, and what they take. What PostgreSQL itself makes holds nothing of the application. */
export const DATABASES_SQL = `select json_build_object(
  'version', (current_setting('server_version_num')::int / 10000)::text,
  'databases', (select coalesce(json_agg(json_build_object('name', datname, 'bytes', pg_database_size(oid)) order by datname), '[]')
     from pg_database where datallowconn and not datistemplate and datname <> 'postgres'))`;

export interface ServerFacts {
  version: string;
  databases: { name: string; bytes: number }[];
}

const CONNECTION = ['--host', '/run/postgresql', '--username', 'postgres', '--no-password'];

/** As PostgreSQL's programs take a name that may have any character in it. */
const conninfo = (name: string): string => `dbname='${name.replaceAll(/[\\']/g, '\\$&')}'`;

/**
 * How one is dumped: without compression, so that restic finds again what has not changed. What another session locks for longer
 * than two minutes is a failure to tell, not a reason to wait for ever.
 */
export const dumpArgv = (name: string): string[] => [
  ...['pg_dump', ...CONNECTION, '--format=custom', '--compress=0', '--lock-wait-timeout=120s', '--dbname', conninfo(name)],
];

export const rolesArgv: readonly string[] = ['pg_dumpall', ...CONNECTION, '--roles-only'];

export const askArgv = (sql: string): string[] => ['psql', '-XqAt', ...CONNECTION, '--dbname', 'postgres', '--command', sql];

/** What is missing of a set. @param there ids of the snapshots in the repository */
export const dumpProblems = ({ parts: { db } }: DumpSet, there: readonly string[]): string[] => [
  ...db.databases.flatMap(({ name, snapshot }) => (there.includes(snapshot) ? [] : [`the dump of ${name} (${snapshot}) is missing`])),
  ...(there.includes(db.roles) ? [] : [`the roles of the database (${db.roles}) are missing`]),
];

/** Every snapshot that a dump consists of. */
export const dumpSnapshots = ({ databases, roles }: DumpPart): string[] => [...databases.map(({ snapshot }) => snapshot), roles];

/** There is no WAL that could be followed from one dump to the next. @throws UserError USAGE */
export function refuseMoment(profile: string, { to }: Pick<Aim, 'to'>): void {
  if (to === undefined) return;
  throw new UserError(
    'USAGE',
    `${profile} keeps dumps, not WAL: ${to === 'newest' ? 'nothing after a set' : 'no moment between two sets'} can be restored; nothing was changed`,
    'restore a set: medianest restore latest, or its id (medianest backup list); or use staging or prod, which keep WAL',
  );
}

/** @throws UserError NO_BACKUP where a set is named that is of another kind of stack */
export function refuseOtherKind(sets: readonly BackupSet[], name: string | undefined, dumps: boolean): void {
  const named = sets.find(({ id }) => id === name);
  if (!named || isDump(named) === dumps) return;
  throw new UserError(
    'NO_BACKUP',
    dumps
      ? `${named.id} was made by pgBackRest, of a cluster; this stack has a single database, and restores dumps; nothing was changed`
      : `${named.id} is a dump of a single database; this stack has a cluster, and restores what pgBackRest made; nothing was changed`,
    dumps
      ? 'restore it with the profile that made it, such as staging or prod'
      : 'restore it with the profile that made it, such as dev-compose; then medianest up --carry-data brings the database here',
  );
}

/** The parts that this stack has: a cache that no set holds cannot be restored. @throws UserError USAGE where none is left */
export function partsHere(parts: readonly Part[], profile: string, hasCache: boolean): Part[] {
  const left = parts.filter((part) => part !== 'redis' || hasCache);
  if (left.length > 0) return left;
  throw new UserError(
    'USAGE',
    `--only redis: the cache of ${profile} is in no backup; nothing was changed`,
    'for example --only db,files; staging and prod back up their cache',
  );
}

/** What pgBackRest alone can do. @throws UserError BACKUP_REFUSED */
export function refuseDumps({ stack, loaded: { profile } }: { stack: Stack; loaded: { profile: string } }, what: string): void {
  if (!keepsDumps(stack)) return;
  throw new UserError(
    'BACKUP_REFUSED',
    `${profile} keeps dumps, and ${what}; nothing was changed`,
    'use staging or prod for that; medianest backup and medianest restore work here',
  );
}

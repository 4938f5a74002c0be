import { UserError } from '../../core/errors.ts';
import { streamDocker } from '../../docker/stream.ts';
import type { Counts } from '../plan/compare.ts';
import { APPLICATION, COUNTS_SQL, conninfo, DATABASES_SQL, END_SQL, SOURCE_SQL } from '../plan/queries.ts';
import type { DatabaseSource } from '../plan/source.ts';
import { lastLines, type Server, toolArgs } from './server.ts';

/** A server that a database comes from, as its programs are told of it. */
export interface Foreign {
  /** Undefined: it is asked over the network of this host. */
  container: string | undefined;
  /** libpq's keywords or URL, without a password. */
  dbname: string;
  user: string | undefined;
  password: string | undefined;
  encoding: string;
}

export interface ForeignFacts {
  version: string;
  encoding: string;
  bytes: number;
  extensions: string[];
  leftOut: string[];
}

/**
 * In the container: its images name user and password by variables or files. Where another user was asked for, the password may not fit, and the
 * socket of the usual images needs none.
 */
const IN_CONTAINER = `password=\${POSTGRES_PASSWORD:-\${POSTGRESQL_PASSWORD:-}}
if [ -z "$password" ] && [ -r "\${POSTGRES_PASSWORD_FILE:-}" ]; then password=$(cat "$POSTGRES_PASSWORD_FILE"); fi
if [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
PGUSER=\${IMPORT_USER:-\${POSTGRES_USER:-\${POSTGRESQL_USERNAME:-postgres}}}
export PGUSER
exec "$@"`;

/** Over the network: the password is the first line of the input, so no list of processes or containers shows it. */
const OVER_NETWORK = `if IFS= read -r password && [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
exec "$@" </dev/null`;

/** Arguments of `docker` for a program of PostgreSQL's that speaks to that server. */
export function foreignArgs({ container, user }: Foreign, server: Server, argv: readonly string[]): string[] {
  if (container === undefined)
    return toolArgs(
      server,
      'host',
      ['bash', '-c', OVER_NETWORK, 'bash', ...argv],
      ['--user', '10002:10002', '--env', 'PGCONNECT_TIMEOUT=15'],
    );
  const asked = user === undefined ? [] : ['--env', `IMPORT_USER=${user}`];
  return ['exec', '--interactive', '--env', `PGAPPNAME=${APPLICATION}`, ...asked, container, 'sh', '-c', IN_CONTAINER, 'sh', ...argv];
}

/** @throws UserError IMPORT_REFUSED with the server's words */
async function askForeign(foreign: Foreign, server: Server, sql: string, dbname = foreign.dbname): Promise<string> {
  const argv = ['psql', '-XqAt', '--no-password', '--dbname', dbname, '--command', sql];
  const run = streamDocker(foreignArgs(foreign, server, argv), server.signal);
  run.stdin.end(foreign.password === undefined ? '' : `${foreign.password}\n`);
  let text = '';
  for await (const piece of run.stdout) text += piece;
  const { exitCode, tail } = await run.ended;
  if (exitCode === 0) return text.trim();
  throw new UserError(
    'IMPORT_REFUSED',
    `the source does not answer: ${lastLines(tail)}; nothing was changed`,
    foreign.container === undefined
      ? 'correct its address, user or password'
      : `is ${foreign.container} a running PostgreSQL? --user and --database name others`,
  );
}

/** Finds the database of the source, and what is to be known of it. @throws UserError IMPORT_REFUSED */
export async function foreignServer(
  source: Exclude<DatabaseSource, { kind: 'file' }>,
  asked: { user: string | undefined; database: string | undefined; password: string | undefined },
  server: Server,
): Promise<{ foreign: Foreign; facts: ForeignFacts }> {
  const foreign = source.kind === 'url' ? overNetwork(source, asked) : await inContainer(source.container, asked, server);
  const facts = JSON.parse(await askForeign(foreign, server, SOURCE_SQL)) as ForeignFacts;
  return { foreign: { ...foreign, encoding: facts.encoding }, facts };
}

function overNetwork(
  source: Extract<DatabaseSource, { kind: 'url' }>,
  asked: { user: string | undefined; password: string | undefined },
): Foreign {
  const url = new URL(source.url);
  if (asked.user !== undefined) url.username = encodeURIComponent(asked.user);
  return { container: undefined, dbname: url.href, user: undefined, password: asked.password ?? source.password, encoding: '' };
}

async function inContainer(
  container: string,
  asked: { user: string | undefined; database: string | undefined },
  server: Server,
): Promise<Foreign> {
  const foreign: Foreign = { container, dbname: conninfo('postgres'), user: asked.user, password: undefined, encoding: '' };
  if (asked.database !== undefined) return { ...foreign, dbname: conninfo(asked.database) };
  const there = JSON.parse(await askForeign(foreign, server, DATABASES_SQL)) as string[];
  const [only, ...more] = there;
  if (only !== undefined && more.length === 0) return { ...foreign, dbname: conninfo(only) };
  throw new UserError(
    'IMPORT_REFUSED',
    only === undefined
      ? `${container} has no database but postgres; nothing was changed`
      : `${container} has several databases: ${there.join(', ')}; nothing was changed`,
    `name the one that is to be imported: --database ${only ?? 'postgres'}`,
  );
}

/** What is there now, by table. */
export const foreignCounts = async (foreign: Foreign, server: Server): Promise<Counts> =>
  JSON.parse(await askForeign(foreign, server, COUNTS_SQL)) as Counts;

/** A killed import leaves its dump in the source: it holds a snapshot, and waits for a reader for ever. Under the lock alone. */
export const endLeftDumps = (foreign: Foreign, server: Server): Promise<string> => askForeign(foreign, server, END_SQL);

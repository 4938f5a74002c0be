import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { HARDENED } from '../../docker/hardened.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { askServer } from '../../members/psql.ts';
import { requireManifest } from '../../project/open.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { LABEL } from '../../stack/labels.ts';
import { containersOf } from '../../stack/roles.ts';
import type { StateFolder } from '../../state/state.ts';
import { APPLICATION, conninfo } from '../plan/queries.ts';

/** The database server of this stack that takes writes, and the others that follow it. */
export interface Server {
  docker: DockerCli;
  engine: Engine;
  project: string;
  signal: AbortSignal;
  /** The leader's container. */
  container: string;
  /** Its image, which has PostgreSQL's programs. */
  image: string;
  /** Under the lock of the state folder. Others may look at the same time: what they run is not removed. */
  locked: boolean;
  /** All that hold the data, by container. */
  members: string[];
  containers: readonly ObservedContainer[];
}

/** @throws UserError NOT_RUNNING where no server takes writes, or it cannot be told which */
export async function databaseServer(context: Context, project: string, state: StateFolder): Promise<Server> {
  const { services } = requireManifest(state);
  const [engine, docker] = [await context.engine(), await context.docker()];
  const containers = await engine.observe(project);
  refuseForeign(project, containers, state.root);
  const running = containersOf(containers, services, 'database').filter((container) => container.state === 'running');
  const said = await Promise.all(running.map((container) => askServer(engine, container, 'select pg_is_in_recovery()')));
  const leader = running.find((_container, index) => said[index]?.trim() === 'f');
  if (!leader)
    throw new UserError(
      'NOT_RUNNING',
      'no database server of this project takes writes; nothing was changed',
      'medianest up; medianest health',
    );
  const members = running.map(({ name }) => name);
  return {
    docker,
    engine,
    project,
    signal: context.signal,
    container: leader.name,
    image: leader.image,
    locked: false,
    members,
    containers,
  };
}

const SUPERUSER = ['psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '--host', '/run/postgresql', '--username', 'postgres'];

/** Arguments of `docker` for a psql of the superuser. @param how further ones of `docker exec` @param more of psql */
export const superuserArgs = (
  { container }: Server,
  database: string,
  how: readonly string[] = [],
  more: readonly string[] = [],
): string[] => [
  ...['exec', ...how, '--env', `PGAPPNAME=${APPLICATION}`, '--env', 'PGOPTIONS=-c idle_session_timeout=0', container],
  ...[...SUPERUSER, '--dbname', conninfo(database), ...more],
];

/** As the superuser, each statement in a transaction of its own. @throws UserError IMPORT_FAILED with the server's words */
export async function ask(server: Server, database: string, ...statements: string[]): Promise<string> {
  const { docker, signal } = server;
  const commands = statements.flatMap((sql) => ['--command', sql]);
  const result = await docker.run(superuserArgs(server, database, [], commands), { signal, streamsApart: true });
  if (result.exitCode === 0) return result.stdout.trim();
  throw new UserError('IMPORT_FAILED', `the database: ${lastLines(result.tail)}`, 'medianest health; medianest logs postgres');
}

const COPY_SCHEMA = `pg_dump --host /run/postgresql --username postgres --schema="$1" --dbname "$2" |
  psql -XqAt -v ON_ERROR_STOP=1 --single-transaction --host /run/postgresql --username postgres --output /dev/null --dbname "$3"`;

/** A schema with its data and owners, from one database of this server into another; all of it or nothing. @throws UserError IMPORT_FAILED */
export async function copySchema({ docker, container, signal }: Server, schema: string, from: string, to: string): Promise<void> {
  const script = ['bash', '-euo', 'pipefail', '-c', COPY_SCHEMA, 'bash', schema, conninfo(from), conninfo(to)];
  const { exitCode, tail } = await docker.run(['exec', '--env', `PGAPPNAME=${APPLICATION}`, container, ...script], { signal });
  if (exitCode !== 0)
    throw new UserError(
      'IMPORT_FAILED',
      `the schema ${schema} cannot be copied: ${lastLines(tail)}`,
      'medianest health; medianest logs postgres',
    );
}

/** What the server prints of a failure, in one line. */
export const lastLines = (tail: readonly string[]): string =>
  tail
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(NOTICE|HINT|WARNING):/.test(line))
    .slice(0, 4)
    .join(' | ') || 'no answer';

/**
 * As the role of the application, over TCP: what a dump says cannot become a superuser, nor leave the server. The image knows the
 * password (services/database); a cluster has two roles that act as the owner.
 */
const AS_APPLICATION = `set -e
user=medianest secret=/run/secrets/database-password
if [ -r "$secret-a" ]; then user=medianest_a secret=$secret-a; fi
PGPASSWORD=$(cat "$secret")
export PGPASSWORD
exec psql --host 127.0.0.1 --username "$user" "$@"`;

const SESSION = '-c synchronous_commit=off -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c maintenance_work_mem=64MB';

/** Arguments of `docker` for a psql that reads SQL as the application's role. @param encoding of that SQL, where it does not say one itself */
export const loaderArgs = ({ container }: Server, database: string, encoding: string): string[] => [
  ...[
    'exec',
    '--interactive',
    '--env',
    `PGAPPNAME=${APPLICATION}`,
    '--env',
    `PGOPTIONS=${SESSION}`,
    '--env',
    `PGCLIENTENCODING=${encoding}`,
  ],
  ...[container, 'bash', '-c', AS_APPLICATION, 'bash', '-Xq', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '--dbname', conninfo(database)],
];

/** Free bytes of the disk that each member keeps its data on. @throws UserError IMPORT_FAILED where that cannot be told */
export async function freeBytes({ docker, members, signal }: Server): Promise<Record<string, number>> {
  const entries = await Promise.all(
    members.map(async (name): Promise<[string, number]> => {
      const { exitCode, stdout, tail } = await docker.run(
        ['exec', name, 'df', '--block-size=1', '--output=avail', '/var/lib/postgresql/data'],
        {
          signal,
        },
      );
      const free = Number(stdout.trim().split('\n').at(-1));
      if (exitCode === 0 && Number.isSafeInteger(free)) return [name, free];
      throw new UserError('IMPORT_FAILED', `the free space of ${name} cannot be told: ${lastLines(tail)}`, 'medianest health');
    }),
  );
  return Object.fromEntries(entries);
}

/** A container of PostgreSQL's programs that reads and writes by pipes alone. The lock is ours: `removeJobs` ends one that was left. */
export const toolArgs = (
  { project, image, locked }: Server,
  network: string,
  argv: readonly string[],
  more: readonly string[] = [],
): string[] => [
  ...[
    'run',
    '--rm',
    '--interactive',
    '--name',
    `${project}-job-import${locked ? '' : `-${process.pid}`}`,
    '--pull',
    'never',
    '--log-driver',
    'none',
  ],
  ...[
    '--label',
    `${LABEL.project}=${project}`,
    ...(locked ? ['--label', `${LABEL.job}=import`] : []),
    ...HARDENED,
    '--pids-limit',
    '64',
    '--memory',
    '512m',
  ],
  ...['--network', network, ...more, '--env', `PGAPPNAME=${APPLICATION}`, '--entrypoint', argv[0] as string, image, ...argv.slice(1)],
];

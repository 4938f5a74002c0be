import type { Execution } from '../../capability/capability.ts';
import { poll } from '../../core/poll.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { LABEL } from '../../stack/labels.ts';
import { carryMount, failed } from './jobs.ts';

export const DATABASE = 'medianest';
/** How what writes into the new database is called there, so that a further run finds what a killed one has left. */
export const APPLICATION = 'medianest-carry';
const START_SECONDS = 120;

/** A server for one dump, on a copy: its start may recover, and the old volume stays as it was. */
const SERVE = `set -euo pipefail
export LC_ALL=C.UTF-8
version=$(echo /old/PG_VERSION /old/*/PG_VERSION | tr ' ' '\\n' | while read -r file; do [ ! -f "$file" ] || echo "$file"; done | head -n 1)
data=$(dirname "$version")
rm -f "$data/postmaster.pid"
echo 'local all all trust' >/tmp/hba
cat >/tmp/conf <<'CONF'
listen_addresses = ''
unix_socket_directories = '/tmp'
hba_file = '/tmp/hba'
archive_mode = off
autovacuum = off
fsync = off
shared_buffers = 64MB
max_parallel_workers_per_gather = 0
CONF
exec postgres -D "$data" -c config_file=/tmp/conf`;

/** Where PostgreSQL's programs are run: a container, and how they connect there. */
export interface Server {
  container: string;
  host: string;
}

export const connection = ({ host }: Server): string[] => ['--host', host, '--username', 'postgres'];

/** @returns what it prints; undefined where it fails @param more for psql */
export async function ask(
  { docker, context }: Execution,
  server: Server,
  sql: string,
  { database = DATABASE, more = [] }: { database?: string; more?: readonly string[] } = {},
): Promise<string | undefined> {
  const psql = ['psql', '-XqAt', '--set', 'ON_ERROR_STOP=1', ...more, ...connection(server), '--dbname', database];
  const { exitCode, stdout } = await docker.run(['exec', '--interactive', '--env', `PGAPPNAME=${APPLICATION}`, server.container, ...psql], {
    input: sql,
    signal: context.signal,
  });
  return exitCode === 0 ? stdout : undefined;
}

/** What one of PostgreSQL's programs prints there. @throws UserError PARTIAL where it fails */
export async function printed({ docker, context }: Execution, server: Server, argv: readonly string[]): Promise<string> {
  const [program = '', ...args] = argv;
  const { exitCode, stdout, tail } = await docker.run(['exec', server.container, program, ...connection(server), ...args], {
    signal: context.signal,
  });
  if (exitCode !== 0) throw failed('the old database cannot be read', tail);
  return stdout;
}

/** Starts it, and waits until it answers. @throws UserError PARTIAL with its last words */
export async function serveOld(
  { volume, project, image }: { volume: string; project: string; image: string },
  run: Execution,
): Promise<Server> {
  const { docker, context, engine } = run;
  const name = `${project}-job-carry-database`;
  const { exitCode, tail } = await docker.run([
    ...['run', '--detach', '--init', '--name', name, '--network', 'none', '--user', '10002:10002', '--pull', 'never', ...HARDENED],
    ...['--label', `${LABEL.project}=${project}`, '--label', `${LABEL.job}=carry`],
    ...carryMount(volume, '/old', 'writable'),
    ...['--no-healthcheck', '--entrypoint', 'bash', image, '-c', SERVE],
  ]);
  if (exitCode !== 0) throw failed('a server on the copy of the old database could not be started', tail);
  const server = { container: name, host: '/tmp' };
  const look = async () => {
    if ((await ask(run, server, 'SELECT 1', { database: 'postgres' }))?.trim() === '1') return 'up';
    const { stdout } = await docker.run(['inspect', '--format', '{{.State.Running}}', name]);
    return stdout.trim() === 'true' ? undefined : 'ended';
  };
  const found = await poll(look, { every: 500, timeout: START_SECONDS * 1000, signal: context.signal });
  if (found === 'up') return server;
  throw failed('the server on the copy of the old database does not start', await engine.lastLogLines(name, 3));
}

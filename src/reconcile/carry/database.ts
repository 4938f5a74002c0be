import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import type { Task } from '../../core/reporter.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { pipeDocker } from '../../docker/pipe.ts';
import { refuseForeignVolumes } from '../../docker/volume.ts';
import { LABEL } from '../../stack/labels.ts';
import type { ReconcileSteps } from '../plan/step.ts';
import { copyVolume, failed, refuseUsed, removeCarryJobs } from './volumes.ts';

const DATABASE = 'medianest';
const LEADER_SECONDS = 180;
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

/**
 * Every table's rows, counted and hashed whatever their order, and the sequences: the same text for the same data. Settings that
 * change how a value is written are fixed.
 */
const FINGERPRINT = `SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET extra_float_digits = 1; SET bytea_output = 'hex';
SELECT format('SELECT %L, count(*), coalesce(sum(hashtextextended(carried_row::text, 0)::numeric), 0) FROM ONLY %I.%I AS carried_row',
  'table ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname), n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C" \\gexec
SELECT 'sequence ' || quote_ident(schemaname) || '.' || quote_ident(sequencename), last_value FROM pg_sequences ORDER BY schemaname COLLATE "C", sequencename COLLATE "C";
SELECT 'large objects', count(*) FROM pg_largeobject_metadata;
`;

/** Where `psql` is run: a container, and how it connects there. */
interface Server {
  container: string;
  host: string;
}

const connection = ({ host }: Server): string[] => ['--host', host, '--username', 'postgres'];

/** @returns what it prints; undefined where it fails */
async function ask({ docker, context }: Execution, server: Server, sql: string, database = DATABASE): Promise<string | undefined> {
  const psql = ['psql', '-XqAt', '--set', 'ON_ERROR_STOP=1', ...connection(server), '--dbname', database];
  const { exitCode, stdout } = await docker.run(['exec', '--interactive', server.container, ...psql], {
    input: sql,
    signal: context.signal,
  });
  return exitCode === 0 ? stdout : undefined;
}

/**
 * Brings the database of the old volume into the new cluster's leader: in one transaction, compared afterwards. One that an
 * interrupted run has brought already is only compared.
 */
export async function carryDatabase(step: ReconcileSteps['carry-database'], run: Execution, task: Task | undefined): Promise<void> {
  const { docker, engine } = run;
  const { project, from, image } = step;
  const name = `${project}-job-carry-database`;
  const scratch = `${project}_carry-scratch`;
  const labels = { [LABEL.project]: project, [LABEL.job]: 'carry' };
  await refuseForeignVolumes(engine, [scratch], { kind: 'job', project, job: 'carry' });
  const remove = async () => {
    await removeCarryJobs(project, docker);
    await engine.removeVolume(scratch);
  };
  await remove();
  await refuseUsed([from], docker);
  task?.detail('waiting for the leader of the new database');
  const leader = await findLeader(step.members, run);
  try {
    task?.detail('copying the old volume');
    await copyVolume({ from, to: scratch, labels, image }, run, undefined);
    const old = await serve({ name, scratch, labels, image }, run);
    const before = await fingerprint(run, old, 'the old database');
    const there = await fingerprint(run, leader, 'the new database');
    if (/^table /m.test(there)) {
      if (there !== before) throw taken(from, there);
    } else {
      task?.detail('dump and restore');
      await restore(old, leader, run);
      const after = await fingerprint(run, leader, 'the new database');
      if (after !== before) throw differs(before, after);
      await ask(run, leader, 'ANALYZE');
    }
    const tables = before.split('\n').filter((line) => line.startsWith('table '));
    const rows = tables.reduce((sum, line) => sum + Number(line.split('|').at(-2)), 0);
    run.context.report.note(`the database came along: ${tables.length} tables, ${rows} rows, compared one by one`);
    await tellOthers(old, run);
  } finally {
    await remove();
  }
}

async function findLeader(members: readonly string[], run: Execution): Promise<Server> {
  const { engine, context, prepared } = run;
  const look = async () => {
    for (const { id, service, state } of await engine.observe(prepared.project)) {
      if (!members.includes(service) || state !== 'running') continue;
      const server = { container: id, host: '/run/postgresql' };
      // Roles and database are made by the leader itself, a moment after it is elected.
      if ((await ask(run, server, 'SELECT pg_is_in_recovery()'))?.trim() === 'f') return server;
    }
    return undefined;
  };
  const leader = await poll(look, { every: 1000, timeout: LEADER_SECONDS * 1000, signal: context.signal });
  if (leader) return leader;
  throw failed(`no leader elected among ${members.join(', ')} within ${LEADER_SECONDS} s`, ['the data was not carried']);
}

async function serve(
  { name, scratch, labels, image }: { name: string; scratch: string; labels: Readonly<Record<string, string>>; image: string },
  run: Execution,
): Promise<Server> {
  const { docker, context, engine } = run;
  const { exitCode, tail } = await docker.run([
    ...['run', '--detach', '--init', '--name', name, '--network', 'none', '--user', '10002:10002', '--pull', 'never', ...HARDENED],
    ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
    ...[
      '--mount',
      `type=volume,source=${scratch},target=/old,volume-nocopy`,
      '--no-healthcheck',
      '--entrypoint',
      'bash',
      image,
      '-c',
      SERVE,
    ],
  ]);
  if (exitCode !== 0) throw failed('a server on the copy of the old database could not be started', tail);
  const server = { container: name, host: '/tmp' };
  const look = async () => {
    if ((await ask(run, server, 'SELECT 1', 'postgres'))?.trim() === '1') return 'up';
    const { stdout } = await docker.run(['inspect', '--format', '{{.State.Running}}', name]);
    return stdout.trim() === 'true' ? undefined : 'ended';
  };
  const found = await poll(look, { every: 500, timeout: START_SECONDS * 1000, signal: context.signal });
  if (found === 'up') return server;
  throw failed('the server on the copy of the old database does not start', await engine.lastLogLines(name, 3));
}

async function fingerprint(run: Execution, server: Server, what: string): Promise<string> {
  const text = await ask(run, server, FINGERPRINT);
  if (text === undefined) throw failed(`${what} cannot be read`, []);
  return text;
}

async function restore(old: Server, leader: Server, { context }: Execution): Promise<void> {
  const { exitCodes, tail } = await pipeDocker(
    ['exec', old.container, 'pg_dump', '--format=custom', '--compress=0', ...connection(old), DATABASE],
    [
      'exec',
      '--interactive',
      leader.container,
      'pg_restore',
      '--single-transaction',
      '--exit-on-error',
      ...connection(leader),
      '--dbname',
      DATABASE,
    ],
    context.signal,
  );
  if (exitCodes.some((code) => code !== 0)) throw failed('the database could not be carried, and nothing of it was written', tail);
}

/** Databases and roles that are not the application's stay where they are. */
async function tellOthers(old: Server, run: Execution): Promise<void> {
  const sql = `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', '${DATABASE}') ORDER BY 1`;
  const others = ((await ask(run, old, sql, 'postgres')) ?? '').split('\n').filter(Boolean);
  if (others.length > 0) run.context.report.warn(`other databases do not come along: ${others.join(', ')}; the old volume still has them`);
}

function taken(from: string, there: string): UserError {
  const tables = there.split('\n').filter((line) => line.startsWith('table '));
  const shown = tables.slice(0, 3).map((line) => line.split('|').slice(0, 2).join(': '));
  return new UserError(
    'ALREADY_THERE',
    `the new database has ${tables.length} tables already (${shown.join(', ')} rows), and they are not those of ${from}: nothing was written`,
    'keep what is there: medianest up --new-data; or, if it is of no use, `medianest down`, remove the volumes of the new database, and `medianest up --carry-data` again',
  );
}

function differs(before: string, after: string): UserError {
  const now = new Set(after.split('\n'));
  const other = before.split('\n').filter((line) => !now.has(line));
  return failed('the new database is not what the old one is', other.slice(0, 3));
}

import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { bytes, plural } from '../../core/plural.ts';
import { poll } from '../../core/poll.ts';
import type { Task } from '../../core/reporter.ts';
import { pipeDocker } from '../../docker/pipe.ts';
import { refuseForeignVolumes } from '../../docker/volume.ts';
import { DATABASE_ROLE } from '../../services/sign-on/settings/address.ts';
import { LABEL } from '../../stack/labels.ts';
import { differing, FINGERPRINT, isEmpty, tablesIn } from '../plan/carry-compare.ts';
import { databaseProperties, lackingRoles } from '../plan/carry-roles.ts';
import type { ReconcileSteps } from '../plan/step.ts';
import { failed, refuseUsed, removeCarryRemains, scratchOf } from './jobs.ts';
import { APPLICATION, ask, connection, DATABASE, printed, type Server, serveOld } from './old-server.ts';
import { copyVolume } from './volumes.ts';

const LEADER_SECONDS = 180;

/**
 * Brings the database of the old volume into the new cluster's leader: in one transaction, compared afterwards. One that an
 * interrupted run has brought already is only compared.
 * @throws UserError PARTIAL, ALREADY_THERE, FOREIGN_STATE, FOREIGN_PROJECT; the old volume is as it was in any case
 */
export async function carryDatabase(step: ReconcileSteps['carry-database'], run: Execution, task: Task | undefined): Promise<void> {
  const { project, from, image } = step;
  const scratch = scratchOf(project);
  const labels = { [LABEL.project]: project, [LABEL.job]: 'carry' };
  await refuseForeignVolumes(run.engine, [scratch], { kind: 'job', project, job: 'carry' });
  await removeCarryRemains(project, run);
  await refuseUsed([from], run.docker);
  task?.detail('waiting for the leader of the new database');
  const leader = await findLeader(step.members, run);
  await endKilledRestore(leader, run);
  try {
    task?.detail(`copying ${from}`);
    await copyVolume({ from, to: scratch, labels, image }, run, undefined);
    const old = await serveOld({ volume: scratch, project, image }, run);
    task?.detail('counting the rows of the old database');
    const before = await fingerprint(run, old, 'the old database');
    const there = await fingerprint(run, leader, 'the new database');
    if (isEmpty(there)) await dumpInto(leader, { old, before }, run, task);
    else if (there !== before) throw taken(step, there);
    // Also where an interrupted run has brought the rest.
    await bringProperties(old, leader, run);
    task?.detail('counting for the query planner');
    await ask(run, leader, 'ANALYZE');
    const tables = tablesIn(before);
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    run.context.report.note(`the database came along: ${plural(tables.length, 'table')}, ${plural(rows, 'row')}, compared one by one`);
    await tellOthers(old, run);
  } finally {
    await removeCarryRemains(project, run);
  }
}

async function dumpInto(
  leader: Server,
  { old, before }: { old: Server; before: string },
  run: Execution,
  task: Task | undefined,
): Promise<void> {
  await bringRoles(old, leader, run);
  await giveWay(old, leader, run);
  await restore(old, leader, run, task);
  task?.detail('comparing the new database with the old one');
  const after = await fingerprint(run, leader, 'the new database');
  if (after !== before) throw failed('the new database is not what the old one is', differing(before, after));
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

/** A run that was killed may have left one that still writes: until it ends, its tables are not seen, and in the way. */
async function endKilledRestore(leader: Server, run: Execution): Promise<void> {
  const sql = `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = '${APPLICATION}' AND pid <> pg_backend_pid()`;
  const answer = await ask(run, leader, sql);
  if (answer === undefined || answer.split('\n').includes('f'))
    throw failed('an interrupted run is still writing into the new database, and does not end', [`application ${APPLICATION}`]);
}

async function fingerprint(run: Execution, server: Server, what: string): Promise<string> {
  const text = await ask(run, server, FINGERPRINT);
  if (text === undefined) throw failed(`${what} cannot be read`, []);
  return text;
}

/** What it says stands in no log: a role's line has the hash of its password. */
const UNLOGGED = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic';";

/** Roles that own something in the dump, or have rights to it: without them it could not be restored. */
async function bringRoles(old: Server, leader: Server, run: Execution): Promise<void> {
  const there = (await ask(run, leader, 'SELECT rolname FROM pg_roles')) ?? '';
  const dump = await printed(run, old, ['pg_dumpall', '--roles-only', '--no-comments', '--no-security-labels']);
  const { names, sql } = lackingRoles(dump, there.split('\n').filter(Boolean));
  if (sql.length === 0) return;
  const made = await ask(run, leader, [UNLOGGED, ...sql].join('\n'), { more: ['--single-transaction'] });
  if (made === undefined) throw failed(`roles of the old database could not be made in the new one: ${names.join(', ')}`, []);
  if (names.length > 0) run.context.report.note(`roles that came along with the database: ${names.join(', ')}`);
}

/** Settings and rights of the database itself are no part of a dump of what is in it. */
async function bringProperties(old: Server, leader: Server, run: Execution): Promise<void> {
  const sql = databaseProperties(await printed(run, old, ['pg_dump', '--create', '--schema-only', '--exclude-schema=*', DATABASE]));
  if (sql.length === 0) return;
  if ((await ask(run, leader, sql.join('\n'), { more: ['--single-transaction'] })) === undefined)
    run.context.report.warn(`settings of the database did not come along: ${sql.join(' ')}`);
}

/** The new cluster has the schema of sign-on already, without a table. That of the old one, with all users, takes its place. */
async function giveWay(old: Server, leader: Server, run: Execution): Promise<void> {
  const comes = await ask(run, old, `SELECT count(*) FROM pg_namespace WHERE nspname = '${DATABASE_ROLE}'`);
  if (comes === undefined) throw failed('the old database cannot be read', []);
  if (comes.trim() === '0') return;
  const sql = `SET client_min_messages = warning; DROP SCHEMA IF EXISTS ${DATABASE_ROLE}`;
  if ((await ask(run, leader, sql)) === undefined)
    throw failed(`the schema ${DATABASE_ROLE} of the new database is not empty, and nothing was written`, []);
}

async function restore(old: Server, leader: Server, run: Execution, task: Task | undefined): Promise<void> {
  const size = Number(await ask(run, old, `SELECT pg_database_size('${DATABASE}')`));
  let told = 0;
  const { exitCodes, tail } = await pipeDocker(
    ['exec', old.container, 'pg_dump', '--format=custom', '--compress=0', ...connection(old), DATABASE],
    [
      ...['exec', '--interactive', '--env', `PGAPPNAME=${APPLICATION}`, leader.container],
      ...['pg_restore', '--single-transaction', '--exit-on-error', ...connection(leader), '--dbname', DATABASE],
    ],
    run.context.signal,
    (passed) => {
      if (passed - told < size / 100) return;
      told = passed;
      task?.detail(`${bytes(passed)} of the dump restored; the old database takes ${bytes(size)} with its indexes`);
    },
  );
  if (exitCodes.some((code) => code !== 0)) throw failed('the database could not be carried, and nothing of it was written', tail);
}

/** Databases that are not the application's stay where they are. */
async function tellOthers(old: Server, run: Execution): Promise<void> {
  const sql = `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', '${DATABASE}') ORDER BY 1`;
  const others = ((await ask(run, old, sql, { database: 'postgres' })) ?? '').split('\n').filter(Boolean);
  if (others.length > 0) run.context.report.warn(`other databases do not come along: ${others.join(', ')}; the old volume still has them`);
}

function taken({ from, volumes }: ReconcileSteps['carry-database'], there: string): UserError {
  const tables = tablesIn(there);
  const shown = tables.slice(0, 3).map(({ name, rows }) => `${name}: ${plural(rows, 'row')}`);
  return new UserError(
    'ALREADY_THERE',
    `the new database has ${plural(tables.length, 'table')} already (${shown.join(', ')}), and they are not those of ${from}: nothing was written`,
    `keep what is there: medianest up --new-data; or, if it is of no use: medianest down, docker volume rm ${volumes.join(' ')}, and medianest up --carry-data`,
  );
}

import type { Execution, StepKind } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { compose } from '../../reconcile/compose-project.ts';
import { removeKept } from '../../reconcile/replicas/remove-kept.ts';
import { DATABASE_ROLE } from '../../services/sign-on/settings/address.ts';
import { type Counts, differences } from '../plan/compare.ts';
import type { ImportSteps } from '../plan/import-steps.ts';
import { DATABASE, MADE } from '../plan/names.ts';
import { COUNTS_SQL, DATABASES_SQL, END_HERE_SQL, identifier, literal } from '../plan/queries.ts';
import { holdDatabases } from './hold-databases.ts';
import { importRun, outageOf } from './import-run.ts';
import { writeJournal } from './journal.ts';
import { loadDump } from './load.ts';
import { ask, copySchema, lastLines, type Server } from './server.ts';

/** How each step of an import is carried out. */
export const performers: { readonly [K in keyof ImportSteps]: StepKind<K>['perform'] } = {
  'drop-databases': ({ names }, run) => dropDatabases(importRun(run).server, names),
  'create-import-database': async ({ database, extensions }, run) => {
    const { server } = importRun(run);
    await ask(
      server,
      'postgres',
      `create database ${identifier(database)} owner ${DATABASE} template template0 encoding 'UTF8'`,
      `comment on database ${identifier(database)} is ${literal(MADE)}`,
    );
    for (const name of extensions) await ask(server, database, `create extension if not exists ${identifier(name)} cascade`);
  },
  'stop-source': async ({ containers }, run) => {
    noteStopped(run, 'stoppedSource', containers);
    outageOf(run).stoppedAt = Date.now();
    const { exitCode, tail } = await run.docker.run(['stop', ...containers], { signal: run.context.signal });
    if (exitCode !== 0)
      throw new UserError(
        'IMPORT_FAILED',
        `the other project could not be stopped: ${lastLines(tail)}`,
        '`docker ps` lists the names of containers',
      );
  },
  'load-database': async ({ database }, run, task) => {
    const work = importRun(run);
    const release = await holdDatabases(
      work.server,
      (await databaseNames(work.server)).filter((name) => name !== database),
    );
    try {
      const dump = await work.open(task);
      work.facts = await loadDump(dump, database, { encoding: work.encoding, total: work.total }, work.server, task);
    } finally {
      await release();
    }
  },
  'check-import': async ({ database }, run) => {
    const { server, facts } = importRun(run);
    if (!facts) throw new Error('nothing was loaded');
    await ask(server, database, 'analyze');
    const found = JSON.parse(await ask(server, database, COUNTS_SQL)) as Counts;
    const wrong = differences(facts, found);
    if (wrong.length === 0) return;
    throw new UserError(
      'IMPORT_FAILED',
      `what was loaded is not what the dump has: ${wrong.slice(0, 5).join('; ')}; the running database was not touched`,
      'does a trigger or a rule in the dump write rows? import again, and report this where it stays',
    );
  },
  'stop-application': async ({ services }, run, task) => {
    noteStopped(run, 'stoppedApp', services);
    outageOf(run).stoppedAt ??= Date.now();
    // The release before is of the data before.
    await removeKept(run);
    return compose(run, task, ['stop', ...services]);
  },
  'carry-sign-on': async ({ database }, run) => {
    const { server } = importRun(run);
    await ask(server, database, `drop schema if exists ${DATABASE_ROLE} cascade`);
    await copySchema(server, DATABASE_ROLE, DATABASE, database);
  },
  'switch-database': async ({ database, kept }, run) => {
    const work = importRun(run);
    await switchNames(work.server, database, kept);
    work.switched = true;
    const at = run.context.clock.now().toISOString();
    writeJournal(run.prepared.state, (journal) => ({
      ...journal,
      kept: [...journal.kept.filter(({ name }) => name !== database), { name: kept, at, by: work.source }],
    }));
  },
};

function noteStopped(run: Execution, what: 'stoppedSource' | 'stoppedApp', names: readonly string[]): void {
  if (!run.import) return;
  writeJournal(run.prepared.state, ({ underWay, ...rest }) => ({ underWay: underWay && { ...underWay, [what]: [...names] }, ...rest }));
}

/** Databases of this server, without those that PostgreSQL makes. */
export const databaseNames = async (server: Server): Promise<string[]> =>
  JSON.parse(await ask(server, 'postgres', DATABASES_SQL)) as string[];

export async function dropDatabases(server: Server, names: readonly string[]): Promise<void> {
  for (const name of names) await ask(server, 'postgres', `drop database if exists ${identifier(name)} with (force)`);
}

const TRIES = 5;

/**
 * Both names in one transaction: a kill leaves the one database or the other. Sessions of either are ended first; one that comes
 * back meanwhile, such as the exporter’s, is ended again.
 */
export async function switchNames(server: Server, database: string, kept: string): Promise<void> {
  const names = [database, DATABASE].map(literal).join(', ');
  const end = `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname in (${names}) and pid <> pg_backend_pid()`;
  const rename = `begin; alter database ${DATABASE} rename to ${identifier(kept)}; alter database ${identifier(database)} rename to ${DATABASE}; commit`;
  for (let left = TRIES; ; left--) {
    try {
      await ask(server, 'postgres', end, rename);
      return;
    } catch (error) {
      if (left <= 1 || !(error instanceof UserError) || !/being accessed by other users/.test(error.message)) throw error;
    }
  }
}

/**
 * Whether the database before has that name by now. A switch that was interrupted may have been carried out: its answer alone is missing, and the
 * server knows.
 */
export async function hasSwitched(server: Server, kept: string): Promise<boolean> {
  await ask(server, 'postgres', END_HERE_SQL);
  return (await databaseNames(server)).includes(kept);
}

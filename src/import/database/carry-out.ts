import type { Execution, Step } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { execute } from '../../project/execute.ts';
import { DATABASE_ROLE, SIGN_ON } from '../../services/sign-on/settings/address.ts';
import { withRole } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';
import { type Application, type ImportPlan, loadSteps, startSteps, stopSteps, switchSteps } from '../plan/import-steps.ts';
import { DATABASE } from '../plan/names.ts';
import { literal } from '../plan/queries.ts';
import type { ImportRun } from './import-run.ts';
import { writeJournal } from './journal.ts';
import { dropDatabases, hasSwitched, switchNames } from './perform.ts';
import { ask, lastLines, type Server } from './server.ts';

/** What uses the database, and what migrates it. */
export async function applicationOf({ services: all }: Stack, server: Server): Promise<Application> {
  const services = withRole(all, 'application').filter(({ oneOff }) => !oneOff);
  const components = services.map(({ component }) => component);
  const migrations = all.filter(({ oneOff, component }) => oneOff && components.includes(component));
  const signOn = all.filter(({ component, oneOff }) => component === SIGN_ON && !oneOff);
  const schema = await ask(server, DATABASE, `select count(*) from pg_namespace where nspname = ${literal(DATABASE_ROLE)}`);
  return {
    services: [...signOn, ...services].map(({ name }) => name),
    migrations: migrations.map(({ name }) => name),
    signOn: schema !== '0',
  };
}

/** Until the switch nothing that runs is touched; from then on a failure goes back to the database that was. */
export async function carryOut(run: Execution, work: ImportRun, plan: ImportPlan, noted: { at: string; source: string }): Promise<void> {
  const { state } = run.prepared;
  writeJournal(state, (journal) => ({ ...journal, underWay: { ...noted, database: plan.database, stoppedSource: [], stoppedApp: [] } }));
  // Also after Ctrl-C: what was stopped is started again.
  const calm = new AbortController().signal;
  const after: Execution = {
    ...run,
    context: { ...run.context, signal: calm },
    import: { ...work, server: { ...work.server, signal: calm } },
  };
  try {
    await execute(loadSteps(plan), run);
  } catch (error) {
    await undo(after, plan.stop, [], async (server) => dropDatabases(server, [plan.database]));
    throw error;
  }
  if (plan.kept) {
    const { kept, database, application } = plan;
    try {
      await execute(switchSteps(application, database, kept), run);
    } catch (error) {
      let what = 'the running database was not replaced';
      await undo(after, plan.stop, startSteps(application), async (server) => {
        // What runs on the new database, or fails to, would come back to it.
        await execute(stopSteps(application), after);
        if (await hasSwitched(server, kept)) {
          what = 'the database that was before runs again';
          await switchNames(server, kept, database);
          writeJournal(state, (journal) => ({ ...journal, kept: journal.kept.filter(({ name }) => name !== kept) }));
        }
        await dropDatabases(server, [database]);
      });
      const told = error instanceof UserError ? error : undefined;
      if (!told || told.code === 'INTERRUPTED') throw error;
      throw new UserError('IMPORT_FAILED', `${told.message}; ${what}`, told.hint, { cause: error });
    }
  }
  writeJournal(state, ({ underWay: _, ...rest }) => rest);
}

/** @throws UserError PARTIAL where what was before does not come back; the journal stays */
async function undo(
  run: Execution,
  stopped: readonly string[],
  start: readonly Step[],
  back: (server: Server) => Promise<void>,
): Promise<void> {
  const { server } = run.import as ImportRun;
  const { docker } = server;
  try {
    await back(server);
    if (start.length > 0) await execute(start, run);
    if (stopped.length > 0) await startSource(docker, stopped);
    writeJournal(run.prepared.state, ({ underWay: _, ...rest }) => rest);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const source = stopped.length > 0 ? `, docker start ${stopped.join(' ')}` : '';
    throw new UserError('PARTIAL', `going back to what was before failed: ${error.message}`, `correct the cause${source}; medianest up`, {
      cause: error,
    });
  }
}

/** @throws UserError IMPORT_FAILED */
export async function startSource(docker: DockerCli, stopped: readonly string[]): Promise<void> {
  const { exitCode, tail } = await docker.run(['start', ...stopped]);
  if (exitCode !== 0)
    throw new UserError('IMPORT_FAILED', `the other project does not start again: ${lastLines(tail)}`, `docker start ${stopped.join(' ')}`);
}

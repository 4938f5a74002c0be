import type { Context, Execution, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { describeStep, execute, stepKinds } from '../../project/execute.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { emptySecrets } from '../../secrets/store/secret-files.ts';
import { startSteps, switchSteps } from '../plan/import-steps.ts';
import { halfNames, keptName, keptNames } from '../plan/names.ts';
import { SIZES_SQL } from '../plan/queries.ts';
import { applicationOf } from './carry-out.ts';
import type { ImportRun } from './import-run.ts';
import { writeJournal } from './journal.ts';
import { databaseNames, dropDatabases, hasSwitched } from './perform.ts';
import { ask, databaseServer, type Server } from './server.ts';

export interface BackOutcome {
  result: 'planned' | 'back';
  /** The database that runs again. */
  restored: string;
  /** What the replaced one is called now. */
  kept: string;
  steps: string[];
  outageSeconds: number | null;
}

/** Back to the database that the last import has replaced; what runs now is kept under another name. @throws UserError IMPORT_REFUSED where there is none */
export async function goBack(
  context: Context,
  project: Project,
  confirm: (steps: readonly string[]) => Promise<void>,
): Promise<BackOutcome> {
  const name = project.loaded.settings.project;
  const stack = await describe(context, project.loaded);
  const planned = async () => {
    const server = await databaseServer(context, name, project.state);
    const application = await applicationOf(stack, server);
    const [restored] = keptNames(await databaseNames(server));
    if (restored === undefined)
      throw new UserError(
        'IMPORT_REFUSED',
        'no database that an import has replaced is there; nothing was changed',
        'medianest restore --undo, or a backup',
      );
    const kept = keptName(context.clock.now());
    // It is the application of then that goes with the schema of then: nothing is migrated.
    const steps = switchSteps({ ...application, migrations: [] }, restored, kept);
    const kinds = await stepKinds(context);
    return { server, application, steps, outcome: { restored, kept, steps: steps.map((step) => describeStep(kinds, step)) } };
  };
  const { outcome } = await planned();
  if (context.flags.dryRun) return { ...outcome, result: 'planned', outageSeconds: null };
  await confirm(outcome.steps);
  return withLock(context, project.state, 'import database --back', async (lock, record) => {
    const { server, application, steps, outcome: now } = await planned();
    record(steps);
    const work: ImportRun = {
      server,
      source: `the way back to ${now.restored}`,
      open: () => Promise.reject(new Error('nothing is loaded')),
      encoding: undefined,
      total: undefined,
      facts: undefined,
      stoppedAt: undefined,
      switched: false,
    };
    const prepared = { state: project.state, secrets: emptySecrets, project: name };
    const run: Execution = { context, prepared, engine: server.engine, docker: server.docker, lock, import: work };
    const at = context.clock.now().toISOString();
    const noted = { at, source: work.source, database: now.restored, stoppedSource: [], stoppedApp: [], back: true };
    writeJournal(project.state, (journal) => ({ ...journal, underWay: noted }));
    const ended = () => writeJournal(project.state, ({ underWay: _, ...rest }) => rest);
    try {
      await execute(steps, run);
      ended();
    } catch (error) {
      const { signal } = new AbortController();
      const calm: Execution = { ...run, context: { ...context, signal }, import: { ...work, server: { ...server, signal } } };
      const switched = await hasSwitched({ ...server, signal }, now.kept).catch((reason: Error) => {
        const what = `${(error as Error).message}; whether the database was replaced cannot be told: ${reason.message}`;
        throw new UserError('PARTIAL', what, 'medianest health; medianest up, once the database answers', { cause: error });
      });
      const isInterrupted = error instanceof UserError && error.code === 'INTERRUPTED';
      // Where the application itself does not start, starting it again would not help.
      if (!switched || isInterrupted) await execute(startSteps(application), calm);
      ended();
      if (!(error instanceof UserError)) throw error;
      const which = switched ? 'the earlier database is in its place' : 'the database was not replaced';
      // The same command again would go back once more.
      const hint = switched && isInterrupted ? 'medianest health' : error.hint;
      throw new UserError(error.code, `${error.message}; ${which}`, hint, { cause: error });
    }
    return { ...now, result: 'back', outageSeconds: work.stoppedAt === undefined ? null : (Date.now() - work.stoppedAt) / 1000 };
  });
}

export interface RemoveOutcome {
  result: 'planned' | 'removed' | 'unchanged';
  databases: { name: string; bytes: number }[];
}

/** Removes what imports have replaced, and what killed ones have left. */
export async function removeKept(
  context: Context,
  project: Project,
  confirm: (names: readonly string[]) => Promise<void>,
): Promise<RemoveOutcome> {
  const name = project.loaded.settings.project;
  const found = async (server: Server) => {
    const sizes = JSON.parse(await ask(server, 'postgres', SIZES_SQL)) as Record<string, number>;
    const names = Object.keys(sizes);
    return [...keptNames(names), ...halfNames(names)].map((database) => ({ name: database, bytes: sizes[database] ?? 0 }));
  };
  const databases = await found(await databaseServer(context, name, project.state));
  if (context.flags.dryRun) return { result: 'planned', databases };
  if (databases.length > 0) await confirm(databases.map((database) => database.name));
  return withLock(context, project.state, 'import database --remove', async (_lock, record) => {
    const server = await databaseServer(context, name, project.state);
    const there = (await found(server)).filter((database) => databases.some((confirmed) => confirmed.name === database.name));
    if (there.length > 0) record(there);
    await dropDatabases(
      server,
      there.map((database) => database.name),
    );
    const left = keptNames(await databaseNames(server));
    writeJournal(project.state, ({ cache, kept }) => ({ cache, kept: kept.filter((entry) => left.includes(entry.name)) }));
    return { result: there.length > 0 ? 'removed' : 'unchanged', databases: there };
  });
}

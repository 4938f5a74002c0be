import path from 'node:path';
import { removeJobs } from '../../backup/repository/job.ts';
import type { Context, Execution, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown } from '../../core/reporter.ts';
import { checkCompose } from '../../docker/compose.ts';
import { describeStep, stepKinds } from '../../project/execute.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { emptySecrets } from '../../secrets/store/secret-files.ts';
import { rowsOf, writtenSince } from '../plan/compare.ts';
import { type ImportPlan, loadSteps, switchSteps } from '../plan/import-steps.ts';
import { type Here, judge, type Survey } from '../plan/judge.ts';
import { DATABASE, halfName, halfNames, keptName, MADE } from '../plan/names.ts';
import { DATABASES_SQL, HERE_SQL } from '../plan/queries.ts';
import { type DatabaseSource, sourceText } from '../plan/source.ts';
import { refuseLosingUsers } from '../plan/users.ts';
import { applicationOf, carryOut } from './carry-out.ts';
import type { ImportRun } from './import-run.ts';
import { readDump } from './load.ts';
import { openFile, openServer } from './open-dump.ts';
import { ask, databaseServer, freeBytes, type Server } from './server.ts';
import { endLeftDumps, type Foreign, foreignCounts, foreignServer } from './source-server.ts';

export interface ImportAsked {
  source: DatabaseSource;
  /** A rehearsal: into this database, and nothing is switched. */
  into: string | undefined;
  user: string | undefined;
  database: string | undefined;
  password: string | undefined;
  /** What the source’s text is in, where it does not know. */
  encoding: string | undefined;
  /** Containers of the other project that are stopped before the dump. */
  stop: readonly string[];
  /** Asked before anything is created. @throws UserError CONFIRMATION_NEEDED */
  confirm(steps: readonly string[], notes: readonly string[]): Promise<void>;
}

export interface ImportOutcome {
  source: string;
  /** Version of the server that it comes from; null where the dump does not say. */
  version: string | null;
  result: 'planned' | 'rehearsed' | 'imported';
  steps: string[];
  notes: string[];
  tables: Record<string, number>;
  rows: number;
  sequences: number;
  /** What the replaced database is called now. */
  kept: string | null;
  database: string;
  seconds: number;
  /** For how long the application, or that of the source if it was stopped, did not serve. */
  outageSeconds: number | null;
}

/** All that is known before anything is created. */
interface Prepared {
  survey: Survey;
  foreign: Foreign | undefined;
  here: Here;
  notes: string[];
}

/** Imports a database beside the running one, and switches to it. @throws UserError whose words say which one runs */
export async function importDatabase(context: Context, project: Project, asked: ImportAsked): Promise<ImportOutcome> {
  const started = Date.now();
  if (!asked.into) refuseLosingUsers(project.loaded.settings);
  const source = sourceText(asked.source);
  const name = project.loaded.settings.project;
  const found = await prepare(context, asked, await databaseServer(context, name, project.state));
  if (context.flags.dryRun || !asked.into) {
    const server = await databaseServer(context, name, project.state);
    const outcome = await outcomeOf(context, await planOf(context, project, asked, found, server), found, source);
    if (context.flags.dryRun) return outcome;
    await asked.confirm(outcome.steps, outcome.notes);
  }
  for (const note of found.notes) context.report.note(note);
  return withLock(context, project.state, `import database ${source}${asked.into ? ` --into ${asked.into}` : ''}`, async (lock, record) => {
    const server = { ...(await databaseServer(context, name, project.state)), locked: true };
    await checkCompose(server.docker);
    await removeJobs(server);
    const { survey, foreign, notes } = found;
    if (foreign) await endLeftDumps(foreign, server);
    const plan = await planOf(context, project, asked, found, server);
    record([source, plan.database]);
    const work: ImportRun = {
      server,
      source,
      open: () => (foreign ? Promise.resolve(openServer(foreign, server)) : openFile((asked.source as { path: string }).path, server)),
      encoding: asked.encoding,
      total: survey.dump?.bytes ?? survey.bytes,
      facts: undefined,
      stoppedAt: undefined,
      switched: false,
    };
    const prepared = { state: project.state, secrets: emptySecrets, project: name };
    const run: Execution = { context, prepared, engine: server.engine, docker: server.docker, lock, import: work };
    await carryOut(run, work, plan, { at: context.clock.now().toISOString(), source });
    const outage = work.stoppedAt === undefined ? null : (Date.now() - work.stoppedAt) / 1000;
    const { facts } = work;
    if (!facts) throw new Error('nothing was loaded');
    const since = foreign ? writtenSince(facts, await foreignCounts(foreign, server)) : [];
    if (since.length > 0)
      context.report.warn(
        `the source was written to after its dump: ${since.slice(0, 5).join('; ')}\n  Fix: stop its application (--stop NAME), and import again`,
      );
    return {
      ...(await outcomeOf(context, plan, found, source)),
      result: plan.kept ? 'imported' : 'rehearsed',
      tables: facts.tables,
      rows: rowsOf(facts),
      sequences: Object.keys(facts.sequences).length,
      notes: [...notes, ...since.map((line) => `written after the dump: ${line}`)],
      seconds: (Date.now() - started) / 1000,
      outageSeconds: outage,
    };
  });
}

/** Changes nothing. @throws UserError IMPORT_REFUSED */
async function prepare(context: Context, asked: ImportAsked, server: Server): Promise<Prepared> {
  const { survey, foreign } = await surveyOf(context, asked, server);
  const free = await freeBytes(server);
  const here = { ...(JSON.parse(await ask(server, 'postgres', HERE_SQL)) as Omit<Here, 'free'>), free };
  return { survey, foreign, here, notes: judge(survey, here, asked) };
}

async function planOf(
  context: Context,
  project: Project,
  asked: ImportAsked,
  { survey, here }: Prepared,
  server: Server,
): Promise<ImportPlan> {
  const databases = JSON.parse(await ask(server, 'postgres', DATABASES_SQL)) as string[];
  const replaced = asked.into !== undefined && databases.includes(asked.into) ? [asked.into] : [];
  for (const name of replaced) await refuseForeignTarget(server, name);
  const now = context.clock.now();
  const source = sourceText(asked.source);
  return {
    database: asked.into ?? halfName(now),
    source: asked.source.kind === 'file' ? path.basename(source) : source,
    halves: [...halfNames(databases), ...replaced],
    extensions: survey.extensions.filter((extension) => here.extensions[extension] === false),
    kept: asked.into ? undefined : keptName(now),
    stop: asked.stop,
    application: asked.into ? { services: [], migrations: [] } : applicationOf(await describe(context, project.loaded)),
  };
}

/** What the source is, as far as it can be known before anything is created: a file is read to its end. */
async function surveyOf(context: Context, asked: ImportAsked, server: Server): Promise<{ survey: Survey; foreign: Foreign | undefined }> {
  const { source } = asked;
  if (source.kind !== 'file') {
    const { foreign, facts } = await foreignServer(source, asked, server);
    return { foreign, survey: { ...facts, dump: undefined } };
  }
  const dump = await shown(context.report, `read ${path.basename(source.path)}`, async (task) =>
    readDump(await openFile(source.path, server), asked.encoding, server, task),
  );
  const { version, encoding, extensions, leftOut, bytes } = dump;
  return { foreign: undefined, survey: { version, encoding: asked.encoding ?? encoding, extensions, leftOut, bytes, dump } };
}

/** A database of that name that an import has not made is somebody's. */
async function refuseForeignTarget(server: Server, name: string): Promise<void> {
  const made = await ask(
    server,
    'postgres',
    `select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = '${name}'`,
  );
  if (made === MADE) return;
  throw new UserError(
    'ALREADY_THERE',
    `the database ${name} is there already, and no rehearsal made it; nothing was changed`,
    'choose another name: --into',
  );
}

async function outcomeOf(context: Context, plan: ImportPlan, { survey, notes }: Prepared, source: string): Promise<ImportOutcome> {
  const steps = [...loadSteps(plan), ...(plan.kept ? switchSteps(plan.application, plan.database, plan.kept) : [])];
  const kinds = await stepKinds(context);
  return {
    source,
    version: survey.version ?? null,
    result: 'planned',
    steps: steps.map((step) => describeStep(kinds, step)),
    notes,
    tables: survey.dump?.tables ?? {},
    rows: survey.dump ? rowsOf(survey.dump) : 0,
    sequences: Object.keys(survey.dump?.sequences ?? {}).length,
    kept: plan.kept ?? null,
    database: plan.kept ? DATABASE : plan.database,
    seconds: 0,
    outageSeconds: null,
  };
}

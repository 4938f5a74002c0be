import { makeSet } from '../../backup/backup.ts';
import { removeJobs } from '../../backup/repository/job.ts';
import { backupContext } from '../../backup/repository/repository.ts';
import type { Context, Execution, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import { shown } from '../../core/reporter.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { execute } from '../../project/execute.ts';
import { requireManifest } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { emptySecrets } from '../../secrets/store/secret-files.ts';
import { containersOf, namesOf, withRole } from '../../stack/roles.ts';
import { bytes } from '../../ui/bytes.ts';
import { startSource } from '../database/carry-out.ts';
import { type ImportingCache, readJournal, writeJournal } from '../database/journal.ts';
import { databaseText, type Judged, judgeCache } from '../plan/cache-judge.ts';
import type { CacheSurvey, DatabaseKeys } from '../plan/cache-keys.ts';
import { keysOf, type Leader } from '../plan/cache-nodes.ts';
import { type CacheSource, cacheSourceText, startedWith } from '../plan/cache-source.ts';
import { startSteps, stopSteps } from '../plan/import-steps.ts';
import { compareKeys, survey, writeKeys } from './move-keys.ts';
import { type Bench, refuseAborted, type Staging, stage } from './staging.ts';
import { cacheTarget, type Writer, writer } from './target.ts';

export interface CacheAsked {
  source: CacheSource;
  password: string | undefined;
  ca: string | undefined;
  /** The only database of the source that is taken; it becomes database 0. */
  only: number | undefined;
  /** Keys that the cache has already are removed. */
  replace: boolean;
  /** Containers of the other project that are stopped before the source is read. */
  stop: readonly string[];
  confirm(steps: readonly string[], notes: readonly string[]): Promise<void>;
}

export interface CacheOutcome {
  result: 'planned' | 'imported';
  source: string;
  /** `Redis 7.0.15`; null where the source does not say. */
  server: string | null;
  mode: Leader['mode'];
  /** What the source has, by the number of its databases. */
  databases: Record<string, DatabaseKeys>;
  /** What is taken over. */
  keys: number;
  bytes: number;
  leftOut: string[];
  notes: string[];
  steps: string[];
  /** Keys that were there before. */
  replaced: number;
  /** The backup that has them; null where there is none. */
  restorePoint: string | null;
  seconds: number;
  outageSeconds: number | null;
}

/** What the source has and what the cache takes, with the server that has the source’s data. */
interface Looked extends Judged {
  staging: Staging;
  found: CacheSurvey;
  leaders: Leader[];
  /** Keys that the cache has now. */
  keysNow(): Promise<number>;
}

/** What an import works on. */
interface Site {
  context: Context;
  project: Project;
  engine: Engine;
  /** Services of the application. */
  services: string[];
  hasBackups: boolean;
}

/** Copies the keys of a source into the cache of this stack, and compares them. @throws UserError whose words say what the cache has */
export async function importCache(context: Context, project: Project, asked: CacheAsked): Promise<CacheOutcome> {
  const began = Date.now();
  const stack = await describe(context, project.loaded);
  const site: Site = {
    ...{ context, project, engine: await context.engine() },
    services: withRole(stack.services, 'application').flatMap(({ oneOff, name }) => (oneOff ? [] : [name])),
    hasBackups: namesOf(stack.services, 'repository').length > 0,
  };
  const rehearsed = await look(site, asked, false);
  await rehearsed.staging.close();
  const planned = outcomeOf(site, asked, rehearsed);
  if (context.flags.dryRun) return { ...planned, seconds: (Date.now() - began) / 1000 };
  await asked.confirm(planned.steps, planned.notes);
  const source = cacheSourceText(asked.source);
  return withLock(context, project.state, `import cache ${source}`, async (lock, record) => {
    const docker = await context.docker();
    await removeJobs({ project: stack.project, docker });
    const prepared = { state: project.state, secrets: emptySecrets, project: stack.project };
    const run: Execution = { context, prepared, engine: site.engine, docker, lock, outage: { stoppedAt: undefined } };
    const done = await carryOut(site, asked, planned, run, () => record([source, planned.steps]));
    const { stoppedAt } = run.outage ?? {};
    return {
      ...done,
      seconds: (Date.now() - began) / 1000,
      outageSeconds: stoppedAt === undefined ? null : (Date.now() - stoppedAt) / 1000,
    };
  });
}

/** Reads the source, and judges it beside the cache of now. The server that has it is left to the caller. Changes nothing. */
async function look(site: Site, asked: CacheAsked, locked: boolean): Promise<Looked> {
  const { context, project, engine } = site;
  const { signal } = context;
  const docker = await context.docker();
  const { project: name } = project.loaded.settings;
  const containers = await engine.observe(name);
  refuseForeign(name, containers, project.state.root);
  const nodes = containersOf(containers, requireManifest(project.state).services, 'cache');
  const [first] = nodes;
  if (!first)
    throw new UserError(
      'NOT_RUNNING',
      'this stack has no cache of its own that runs; nothing was changed',
      '`cache: { mode: single }`, or sentinel or cluster, then medianest up',
    );
  const room = (await cacheTarget(docker, signal, nodes)).leaders.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
  const password =
    asked.password ?? (asked.source.kind === 'container' ? await passwordIn(asked.source.container, docker, signal) : undefined);
  const bench: Bench = { context, docker, signal, project: name, image: first.image, locked, password, ca: asked.ca };
  const staging = await shown(context.report, `read ${cacheSourceText(asked.source)}`, () => stage(bench, asked.source, room));
  try {
    const found = await survey(staging.connection);
    const { leaders, highest } = await cacheTarget(
      docker,
      signal,
      nodes,
      Object.keys(found.databases)
        .map(Number)
        .map((number) => (asked.only === undefined ? number : 0)),
    );
    const keysNow = async () => keysOf((await cacheTarget(docker, signal, nodes)).leaders);
    return {
      keysNow,
      staging,
      found,
      leaders,
      ...judgeCache(found, leaders, { only: asked.only, highest, replace: asked.replace || isPart(site, containers) }),
    };
  } catch (error) {
    await staging.close();
    refuseAborted(bench);
    throw error;
  }
}

/** A killed import has left a part in the cache, and the application has not run since: nothing else wrote it. */
function isPart({ project, services }: Site, containers: readonly ObservedContainer[]): boolean {
  const { cache } = readJournal(project.state);
  return cache?.writing === true && !containers.some(({ service, state }) => services.includes(service) && state === 'running');
}

async function passwordIn(container: string, docker: Bench['docker'], signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, stdout, tail } = await docker.run(['inspect', '--type', 'container', '--format', '{{json .Config}}', container], {
    signal,
    streamsApart: true,
  });
  if (exitCode === 0) return startedWith(JSON.parse(stdout));
  throw new UserError('USAGE', `${container}: ${tail.at(-1) ?? 'no answer'}; nothing was changed`, '`docker ps` lists the names');
}

function outcomeOf(site: Site, asked: CacheAsked, { staging, found, leaders, keys, bytes: size, leftOut }: Looked): CacheOutcome {
  const mode = leaders[0]?.mode ?? 'single';
  const there = keysOf(leaders);
  const backs = there > 0 && site.hasBackups && mode !== 'single';
  const where = mode === 'cluster' ? `the ${leaders.length} leaders of the cluster` : 'the cache';
  return {
    ...{
      result: 'planned',
      source: cacheSourceText(asked.source),
      server: staging.server ?? null,
      mode,
      databases: found.databases,
      keys,
      bytes: size,
      leftOut,
    },
    notes: [
      ...Object.entries(found.databases).map(([number, entry]) => `database ${number}: ${databaseText(entry)}`),
      ...(found.largest ? [`the largest is ${found.largest.key}, with ${bytes(found.largest.bytes)}`] : []),
      ...(staging.ended > 0 ? [`${plural(staging.ended, 'key')} of the source had ended already`] : []),
      ...leftOut.map((line) => `not imported: ${line}`),
      ...(there > 0 && !backs ? [`no backup holds the ${plural(there, 'key')} that the cache has: they are gone for good`] : []),
    ],
    steps: [
      ...(backs ? ['make a backup'] : []),
      ...(asked.stop.length > 0 ? [`stop ${asked.stop.join(', ')} of the other project`, 'read the source again'] : []),
      ...(site.services.length > 0 ? [`stop ${site.services.join(', ')}: the application is away from here on`] : []),
      ...(there > 0 ? [`remove the ${plural(there, 'key')} of the cache`] : []),
      `write ${plural(keys, 'key')} (${bytes(size)}) to ${where}, and compare type, elements and time to live of each`,
      ...(site.services.length > 0 ? [`start ${site.services.join(', ')}`] : []),
    ],
    replaced: there,
    restorePoint: null,
    seconds: 0,
    outageSeconds: null,
  };
}

/** What has been done so far, and has to be undone where the rest fails. */
interface Progress {
  staging?: Staging;
  writer?: Writer;
  writing: boolean;
  replaced: number;
  restorePoint?: string;
}

async function carryOut(site: Site, asked: CacheAsked, planned: CacheOutcome, run: Execution, record: () => void): Promise<CacheOutcome> {
  const { context, services, project } = site;
  const { state } = run.prepared;
  const progress: Progress = { writing: false, replaced: 0 };
  const at = context.clock.now().toISOString();
  const source = cacheSourceText(asked.source);
  const before = readJournal(state).cache;
  let stopped: { stoppedSource: string[]; stoppedApp: string[] } = { stoppedSource: [], stoppedApp: [] };
  const note = (more: Partial<typeof stopped>) => {
    stopped = { ...stopped, ...more };
    writeJournal(state, (journal) => ({
      ...journal,
      cache: { at, source, ...stopped, writing: progress.writing || before?.writing === true },
    }));
  };
  try {
    record();
    // Before the source is read: a backup removes what it takes for leftovers of other jobs.
    if (planned.steps.includes('make a backup')) {
      const backups = await backupContext(context, project, { lock: run.lock });
      const { set, warnings } = await makeSet(context, project, backups, 'incr', 'asked', 'before import cache');
      for (const warning of warnings) context.report.warn(warning);
      progress.restorePoint = set.id;
    }
    if (asked.stop.length > 0) {
      note({ stoppedSource: [...asked.stop] });
      await execute([{ kind: 'stop-source', containers: [...asked.stop], cause: 'what it wrote from here on would be lost' }], run);
    }
    const seen = await look(site, asked, true);
    progress.staging = seen.staging;
    const { mapping, leaders, staging } = seen;
    const outcome = outcomeOf(site, asked, seen);
    progress.replaced = outcome.replaced;
    note({ stoppedApp: services });
    await execute(stopSteps({ services }), run);
    const since = await seen.keysNow();
    if (progress.replaced === 0 && since > 0)
      throw new UserError(
        'IMPORT_REFUSED',
        `the application wrote ${plural(since, 'key')} to the cache meanwhile`,
        '--replace removes them',
      );
    progress.writer = await writer({ docker: run.docker, leaders }, context);
    progress.writing = true;
    note({});
    if (progress.replaced > 0) await progress.writer.empty();
    const to = progress.writer;
    const written = await shown(context.report, `write ${plural(seen.keys, 'key')}`, (task) =>
      writeKeys(staging.connection, mapping, leaders, to, task),
    );
    await shown(context.report, `compare ${plural(written, 'key')}`, async () => {
      const { wrong } = await compareKeys(staging.connection, mapping, leaders, to);
      if (wrong.length > 0)
        throw new UserError(
          'IMPORT_FAILED',
          `${plural(wrong.length, 'key')} differ: ${wrong.slice(0, 3).join('; ')}`,
          'does the cache evict keys, or does something write to it? `cache.memory`; then import again',
        );
    });
    progress.writing = false;
    await to.end();
    await execute(startSteps({ services }), run);
    writeJournal(state, ({ cache: _, ...rest }) => rest);
    return { ...outcome, result: 'imported', keys: written, restorePoint: progress.restorePoint ?? null };
  } catch (error) {
    throw await undone(site, asked, run, progress, before, error);
  } finally {
    await progress.staging?.close();
  }
}

/** Empties what has a part, and starts what was stopped; also after Ctrl-C. The journal stays where that fails. @returns the error to throw */
async function undone(
  { services }: Site,
  asked: CacheAsked,
  run: Execution,
  progress: Progress,
  before: ImportingCache | undefined,
  error: unknown,
): Promise<unknown> {
  const { signal } = new AbortController();
  const calm: Execution = { ...run, context: { ...run.context, signal } };
  const interrupted = run.context.signal.aborted;
  const { restorePoint, replaced, writing } = progress;
  try {
    if (progress.writer) {
      // The one that wrote has ended with its signal; this one has a user of its own.
      const to = await writer({ docker: run.docker, leaders: progress.writer.leaders }, calm.context);
      if (writing) await to.empty();
      await to.end();
    }
    if (run.outage?.stoppedAt !== undefined) await execute(startSteps({ services }), calm);
    if (asked.stop.length > 0) await startSource(run.docker, asked.stop);
    // What an earlier import has left is still there.
    const left = !writing && before?.writing ? { ...before, stoppedSource: [] } : undefined;
    writeJournal(run.prepared.state, ({ cache: _, ...rest }) => ({ ...rest, cache: left }));
  } catch (failure) {
    if (!(failure instanceof UserError)) return failure;
    const source = asked.stop.length > 0 ? `, docker start ${asked.stop.join(' ')}` : '';
    return new UserError(
      'PARTIAL',
      `${(error as Error).message}; going back failed: ${failure.message}`,
      `correct the cause${source}; run the import again, or medianest up`,
      { cause: error },
    );
  }
  if (!(error instanceof UserError)) return error;
  const back = restorePoint ? `; \`medianest restore ${restorePoint} --only redis\` brings back what it had` : '';
  const what = !writing
    ? 'the cache was not changed'
    : replaced > 0
      ? `the cache is empty, its ${plural(replaced, 'key')} from before are removed${back}`
      : 'the cache is empty again';
  return new UserError(
    interrupted ? 'INTERRUPTED' : error.code,
    `${error.message.replace(/; nothing was changed$/, '')}; ${what}`,
    interrupted ? 'run the same command again: it starts over' : error.hint,
    { cause: error },
  );
}

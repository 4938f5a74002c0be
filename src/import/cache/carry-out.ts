import { makeSet } from '../../backup/backup.ts';
import { backupContext } from '../../backup/repository/repository.ts';
import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import { shown } from '../../core/reporter.ts';
import { execute } from '../../project/execute.ts';
import { startSource } from '../database/carry-out.ts';
import { type ImportingCache, readJournal, writeJournal } from '../database/journal.ts';
import { cacheSourceText } from '../plan/cache-source.ts';
import { type CacheState, cacheText } from '../plan/cache-state.ts';
import { startSteps, stopSteps } from '../plan/import-steps.ts';
import type { CacheAsked, CacheOutcome } from './asked.ts';
import { look, type Site } from './look.ts';
import { compareKeys, writeKeys } from './move-keys.ts';
import { MAKE_BACKUP, outcomeOf } from './outcome.ts';
import type { Staging } from './staging.ts';
import { type Writer, writer } from './target.ts';

/** What has been done so far, and has to be undone where the rest fails. */
interface Progress {
  staging?: Staging;
  writer?: Writer;
  /** What the cache has: what it had, a part, or what the source has. */
  cache: CacheState;
  /** The application was to start again. */
  starts: boolean;
  replaced: number;
  restorePoint?: string;
}

/** @param planned of the rehearsal @throws UserError whose words say what the cache has */
export async function carryOut(
  site: Site,
  asked: CacheAsked,
  planned: CacheOutcome,
  run: Execution,
  record: () => void,
): Promise<CacheOutcome> {
  const { context, services, project } = site;
  const { state } = run.prepared;
  const progress: Progress = { cache: 'as it was', starts: false, replaced: 0 };
  const at = context.clock.now().toISOString();
  const source = cacheSourceText(asked.source);
  const before = readJournal(state).cache;
  let stopped: { stoppedSource: string[]; stoppedApp: string[] } = { stoppedSource: [], stoppedApp: [] };
  const note = (more: Partial<typeof stopped>) => {
    stopped = { ...stopped, ...more };
    writeJournal(state, (journal) => ({
      ...journal,
      cache: { at, source, ...stopped, writing: progress.cache === 'a part' || before?.writing === true },
    }));
  };
  try {
    record();
    // Before the source is read: a backup removes what it takes for leftovers of other jobs.
    if (planned.steps.includes(MAKE_BACKUP)) {
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
    if (outcome.steps.includes(MAKE_BACKUP) && !progress.restorePoint)
      throw new UserError(
        'IMPORT_REFUSED',
        `the application wrote ${plural(outcome.replaced, 'key')} to the cache meanwhile, which no backup has`,
        'run the same command again: it makes one first',
      );
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
    progress.cache = 'a part';
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
    // From here on an import that starts over would remove what is whole.
    progress.cache = 'whole';
    writeJournal(state, ({ cache: _, ...rest }) => rest);
    await to.end();
    progress.starts = true;
    await execute(startSteps({ services }), run);
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
  const { cache } = progress;
  try {
    if (progress.writer) {
      // The one that wrote has ended with its signal; this one has a user of its own.
      const to = await writer({ docker: run.docker, leaders: progress.writer.leaders }, calm.context);
      if (cache === 'a part') await to.empty();
      await to.end();
    }
    // Where the application itself does not start, starting it again would not help.
    if (run.outage?.stoppedAt !== undefined && (!progress.starts || interrupted)) await execute(startSteps({ services }), calm);
    if (asked.stop.length > 0) await startSource(run.docker, asked.stop);
    // What an earlier import has left is still there.
    const left = cache === 'as it was' && before?.writing ? { ...before, stoppedSource: [] } : undefined;
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
  return new UserError(
    interrupted ? 'INTERRUPTED' : error.code,
    `${error.message.replace(/; nothing was changed$/, '')}; ${cacheText(progress)}`,
    !interrupted ? error.hint : cache === 'whole' ? 'medianest up' : 'run the same command again: it starts over',
    { cause: error },
  );
}

import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { shortHash } from '../core/hash.ts';
import { shown, type Task } from '../core/reporter.ts';
import { TAIL_LINES } from '../docker/compose.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { MONITORING_FOLDER, PROFILES_FOLDER } from '../settings/own-folders.ts';
import { dumpDatabase } from './dump.ts';
import { noteSizes } from './metrics/sizes.ts';
import { type BackupSet, type BackupType, type FilesPart, setId } from './plan/backup-sets.ts';
import { cacheNodes, filePlaces, keepsDumps } from './plan/holds.ts';
import { clockProblem } from './plan/pgbackrest.ts';
import { backupSummary, measured, unreadable, vanished } from './plan/restic.ts';
import { openCatalogue, refuseNoRoom, refuseOldGeneration, refuseUnfit } from './ready.ts';
import { jobError, lastWords, removeJobs, runJob } from './repository/job.ts';
import { type BackupContext, backupContext, fileSources, inServer, readDatabase, saveCatalogue } from './repository/repository.ts';
import { RESTIC, restic } from './repository/restic.ts';

export interface BackupOutcome {
  set: BackupSet;
  /** What is wrong with it all the same. */
  warnings: string[];
}

/** Makes a set of everything. It is listed once all of it is in the repository. */
export async function backup(context: Context, project: Project, type: BackupType): Promise<BackupOutcome> {
  requireManifest(project.state);
  return withLock(context, project.state, `backup --type ${type}`, async (lock, record) => {
    const backups = await backupContext(context, project, { lock });
    record(['backup', type]);
    return makeSet(context, project, backups, type, 'asked');
  });
}

/** The same under a lock that is held already. @param note what it was made for */
export async function makeSet(
  context: Context,
  project: Project,
  backups: BackupContext,
  type: BackupType,
  reason: BackupSet['reason'],
  note?: string,
): Promise<BackupOutcome> {
  const { report, clock } = context;
  const started = clock.now();
  const leaders = await refuseUnfit(context, project, backups);
  const dumps = keepsDumps(backups.stack);
  if (!dumps) await refuseOldGeneration(backups);
  // What a restore is to undo is kept also where there is little room.
  if (reason === 'asked') await refuseNoRoom(backups);
  await removeJobs(backups.bench);
  await inServer(backups, ['halt'], 'an earlier backup could not be ended');
  const catalogue = await openCatalogue(backups);
  const step = <T>(title: string, work: (task: Task) => Promise<T>): Promise<T> => shown(report, title, work);
  // A dump builds upon nothing.
  const id = setId(started, dumps ? 'full' : type, catalogue.sets);
  const cacheLeaders = cacheNodes(backups.stack).flatMap(({ name }) => (leaders.includes(name) ? [name] : []));
  const db: MadeDatabase = dumps
    ? await step('dump the database', async (task) => ({
        part: await dumpDatabase(context, backups, id, task),
        type: 'full',
        pageErrors: false,
      }))
    : await step(`back up the database (${type})`, () => backUpDatabase(backups, type));
  // Not beside the database's: where all begin at once the portal is slow for that long.
  const [, sizes] = await step(dumps ? 'measure the uploads' : `write snapshots of the cache (${cacheLeaders.join(', ')})`, () =>
    together([snapshotCache(backups, cacheLeaders), measureFiles(project, backups)]),
  );
  const files = await step(`back up uploads, ${dumps ? '' : 'cache, '}settings and state`, () =>
    backUpFiles(project, backups, id, cacheLeaders),
  );
  const finished = clock.now();
  const made: Omit<BackupSet, 'parts'> = {
    id,
    type: db.type,
    reason,
    ...(note && { note }),
    startedAt: started.toISOString(),
    finishedAt: finished.toISOString(),
    seconds: (finished.getTime() - started.getTime()) / 1000,
    project: backups.bench.project,
    version: context.version,
    sizeBytes: db.part.sizeBytes + files.sizeBytes,
    storedBytes: db.part.storedBytes + files.storedBytes,
    images: Object.fromEntries(backups.stack.services.map(({ name, image }) => [name, image.ref])),
    settings: shortHash(project.loaded.settings as never),
    cacheLeaders,
    ...(db.pageErrors && { problems: ['pages of the database have wrong checksums'] }),
  };
  const set = { ...made, parts: { db: db.part, files: { ...files, ...sizes } } } as BackupSet;
  const warnings = db.pageErrors ? [`${set.id} contains pages with wrong checksums: the database itself is damaged`] : [];
  catalogue.sets.push(set);
  await step('note the set in the repository', async () => {
    await saveCatalogue(backups, catalogue);
    await noteSizes(backups.bench, backups.settings, clock.now());
  });
  return { set, warnings };
}

/** All of it to its end, whichever fails: the lock is given up then. @throws what the first of them has thrown */
async function together<T extends unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const results = await Promise.allSettled(work);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }) as T;
}

interface MadeDatabase {
  part: BackupSet['parts']['db'];
  type: BackupType;
  pageErrors: boolean;
}

async function backUpDatabase(backups: BackupContext, type: BackupType): Promise<MadeDatabase> {
  const { current } = backups.generations;
  const before = new Set((await readDatabase(backups)).backups.map(({ label }) => label));
  await inServer(
    backups,
    ['pgbackrest', '--log-level-console=warn', `--type=${type}`, 'backup'],
    'the database could not be backed up',
  ).catch((error: UserError) => {
    throw clockProblem(error.message) ?? error;
  });
  const made = (await readDatabase(backups)).backups.find(({ label }) => !before.has(label));
  if (!made) throw new UserError('BACKUP_FAILED', 'pgBackRest ended well and has no new backup', 'medianest logs backup');
  const { type: real, pageErrors, ...part } = made;
  // Without a full one to build upon it makes that.
  return { part: current === 1 ? part : { generation: current, ...part }, type: real, pageErrors };
}

/** What a restore of the uploads and of each other volume needs on its disk; without those of which nothing tells. */
async function measureFiles({ loaded }: Project, backups: BackupContext): Promise<Pick<FilesPart, 'uploadsBytes' | 'volumesBytes'>> {
  const parts = filePlaces(backups.stack).map(({ part }) => `/source/${part}`);
  const mounts = fileSources(loaded, backups).filter(({ target }) => parts.includes(target));
  if (mounts.length === 0) return {};
  const argv = ['du', '--summarize', '--block-size=1', ...mounts.map(({ target }) => target)];
  const { stdout } = await runJob(backups.bench, { name: 'measure', argv, mounts, capabilities: ['DAC_READ_SEARCH'] });
  // Files that go meanwhile are complained of, and the sums are there all the same.
  return measured(stdout);
}

async function snapshotCache({ bench }: BackupContext, leaders: readonly string[]): Promise<void> {
  const results = await Promise.all(
    leaders.map((name) => bench.docker.run(['exec', `${bench.project}-${name}-1`, 'snapshot'], { signal: bench.signal })),
  );
  const failed = results.findIndex(({ exitCode }) => exitCode !== 0);
  if (failed >= 0)
    throw new UserError('BACKUP_FAILED', `${leaders[failed]}: ${lastWords(results[failed] as never)}`, 'medianest logs redis');
}

/** What was written by the operator; secrets that are in files of their own are in the state folder too. */
const settingsFiles = ({ root, configFile }: Project['loaded']): string[] => [
  ...(configFile && path.dirname(configFile) === root ? [path.basename(configFile)] : []),
  ...[PROFILES_FOLDER, MONITORING_FOLDER].filter((folder) => exists(path.join(root, folder))),
];

/** Excluded from the state folder: what belongs to a running command, and what can be recreated. */
const EXCLUDED = [
  '/source/state/lock',
  '/source/state/lock.child',
  '/source/state/hold',
  '/source/state/edited',
  '/source/state/waf-rules/*.tmp',
];

async function backUpFiles({ loaded }: Project, backups: BackupContext, id: string, leaders: readonly string[]): Promise<FilesPart> {
  const sources = fileSources(loaded, backups).filter(
    ({ target }) => !target.startsWith('/source/redis/') || leaders.some((name) => target.endsWith(`/${name}`)),
  );
  const paths = sources.flatMap(({ target }) =>
    target.startsWith('/source/redis/')
      ? [`${target}/dump.rdb`, `${target}/nodes.conf`]
      : target === '/source/settings'
        ? settingsFiles(loaded).map((file) => `${target}/${file}`)
        : [target],
  );
  const args = [
    'backup',
    '--json',
    '--quiet',
    '--host',
    backups.bench.project,
    '--tag',
    'set',
    '--tag',
    id,
    ...EXCLUDED.flatMap((path) => ['--exclude', path]),
  ];
  const more = { mounts: sources, capabilities: ['DAC_READ_SEARCH', 'SETUID', 'SETGID'], environment: { READER: 'yes' }, name: 'files' };
  for (let attempt = 1; ; attempt++) {
    const result = await restic(backups.bench, backups.local, [...args, ...paths], more);
    if (result.exitCode === 0) return backupSummary(result.stdout);
    // A file that went while it was read: the next look does not see it any more.
    if (result.exitCode === RESTIC.incomplete && attempt < 3) continue;
    const said = [result.stdout, ...result.tail].join('\n');
    // Where files go all the time, no look is without one that went. All that is there was read.
    if (result.exitCode === RESTIC.incomplete && result.tail.length < TAIL_LINES && vanished(said)) return backupSummary(result.stdout);
    const files = unreadable(said);
    if (result.exitCode === RESTIC.incomplete)
      throw new UserError(
        'BACKUP_FAILED',
        `files could not be read: ${files.slice(0, 3).join(' | ') || lastWords(result)}`,
        'correct that, and back up again',
      );
    throw jobError('the backup of the files', result);
  }
}

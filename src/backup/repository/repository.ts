import os from 'node:os';
import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { writeAtomic } from '../../core/files.ts';
import type { RunResult } from '../../docker/compose.ts';
import { prepare } from '../../reconcile/prepare.ts';
import { refuseForeign, refuseForeignStackVolumes } from '../../reconcile/refuse-foreign.ts';
import { REPOSITORY } from '../../services/backup/backup.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import { type KeyVersions, keyVersionsOf } from '../../services/backup/settings/key-versions.ts';
import type { Loaded } from '../../settings/loaded.ts';
import { volumeName } from '../../stack/labels.ts';
import { encryptedVolumes } from '../../stack/storage.ts';
import type { Mount, Stack } from '../../stack/types.ts';
import type { Lock } from '../../state/lock.ts';
import { orderCopies, planCopies } from '../copies/copies.ts';
import { type ArchiveContents, archiveContents, archiveGaps, type WalArchive } from '../plan/archive-contents.ts';
import { type BackupSet, type Catalogue, laterList, nextSave } from '../plan/backup-sets.ts';
import { cacheNodes, filePlaces, repositoryHost } from '../plan/holds.ts';
import { type DatabaseInfo, databaseInfo, type WalGap } from '../plan/pgbackrest.ts';
import { type Lineage, lineageFrom } from '../plan/timelines.ts';
import { CATALOGUE_FILE, readCatalogue } from './catalogue.ts';
import { type JobMount, jobError, lastWords, mustRun, runJob, type Workbench } from './job.ts';
import { checkLocalFolder } from './local-folder.ts';
import { localRepository, mustRestic, RESTIC, type Repository, restic } from './restic.ts';

/** Everything that a command about backups works with. */
export interface BackupContext {
  bench: Workbench;
  /** All settings, and those of the backup. */
  loaded: Loaded;
  settings: BackupSettings;
  stack: Stack;
  /** The repository as a mount: a volume or a folder. */
  mount: JobMount;
  local: Repository;
  /** Those of the database's part. */
  generations: KeyVersions;
}

/**
 * @param how under which lock, for what may change something; `fill`: the repository may be gone
 * @throws UserError NOT_RUNNING where the profile has no backup; FOREIGN_STATE where another stack has the name
 */
export async function backupContext(
  context: Context,
  { loaded, state }: Project,
  { lock, fill = false }: { lock?: Lock; fill?: boolean } = {},
): Promise<BackupContext> {
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const server = repositoryHost(stack);
  const settings = loaded.settings.backup as BackupSettings;
  const mounted = server?.mounts.find(({ target }) => target === REPOSITORY);
  if (!server || !mounted)
    throw new UserError(
      'NOT_RUNNING',
      `profile ${loaded.profile} has no backup`,
      'a profile with `backup`, such as prod, staging or dev-compose',
    );
  const mount = jobMount(stack.project, mounted);
  // A newer medianest has an image that `up` has not built yet: jobs go by what runs.
  const engine = await context.engine();
  const containers = await engine.observe(stack.project);
  refuseForeign(stack.project, containers, state.root);
  const running = containers.find(({ service }) => service === server.name);
  // Jobs mount the stack's volumes by their names, and some replace what is in them.
  await refuseForeignStackVolumes(stack, containers, engine);
  await checkLocalFolder(context, state, loaded, fill);
  return {
    bench: {
      project: stack.project,
      server: `${stack.project}-${server.name}-1`,
      image: running?.image ?? server.image.ref,
      state,
      docker: await context.docker(),
      signal: context.signal,
      memoryBytes: settings.memory,
      cpus: Math.min(settings.cpus, os.cpus().length),
      locked: lock !== undefined,
      encrypted: encryptedVolumes(stack),
    },
    loaded,
    settings,
    stack,
    mount,
    local: localRepository(mount),
    generations: keyVersionsOf(stack.overrides),
  };
}

/** A mount of a service, for a job. */
export const jobMount = (project: string, { source, target, kind }: Mount, at = target, readOnly = false): JobMount => ({
  source: kind === 'volume' ? volumeName(project, source) : source,
  target: at,
  kind,
  readOnly,
});

/** Runs a program in the repository host. @throws UserError where it fails */
export async function inServer({ bench }: BackupContext, argv: readonly string[], why: string): Promise<RunResult> {
  const result = await bench.docker.run(['exec', bench.server, ...argv], { signal: bench.signal });
  if (result.exitCode === 0) return result;
  throw new UserError('BACKUP_FAILED', `${why}: ${lastWords(result)}`, 'medianest logs backup; medianest status shows what runs');
}

/** Runs pgBackRest in a key version of the repository: the server knows the current one. @throws UserError where it fails */
export async function backrest(backups: BackupContext, generation: number, args: readonly string[], why: string): Promise<RunResult> {
  if (generation === backups.generations.current) return inServer(backups, ['pgbackrest', '--log-level-console=warn', ...args], why);
  const environment = { GENERATION: String(generation) };
  return mustRun(backups.bench, { name: 'backrest', argv: ['database-repository', ...args], mounts: [backups.mount], environment });
}

/** What pgBackRest says that it has. */
export async function readDatabase(backups: BackupContext, generation = backups.generations.current): Promise<DatabaseInfo> {
  return databaseInfo((await backrest(backups, generation, ['info', '--output=json'], 'the repository of the database')).stdout);
}

/** The contents of the database's part of the repository, even if the repository host does not run, and which WAL is missing there. */
export async function readArchive(backups: BackupContext, sets: readonly BackupSet[]): Promise<ArchiveContents & { gaps: WalGap[] }> {
  const mounts = [{ ...backups.mount, readOnly: true }];
  const contents = archiveContents((await mustRun(backups.bench, { name: 'contents', argv: ['contents'], mounts })).stdout);
  return { ...contents, gaps: archiveGaps(contents.archives, sets) };
}

/** A timeline, and those that it comes from; undefined if that cannot be told. */
export async function readLineage(backups: BackupContext, archive: WalArchive, timeline: number): Promise<Lineage | undefined> {
  // The image of the backup is of before 0.5, and does not tell of histories.
  if (archive.newestAt === undefined) return undefined;
  // The first one has none. One that began in an earlier key version has its history there, and its sets here are on it alone.
  if (!archive.histories.some((history) => history.timeline === timeline)) return lineageFrom(archive, timeline, '');
  const file = `archive/medianest/${archive.id}/${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
  const mounts = [{ ...backups.mount, readOnly: true }];
  const environment = { GENERATION: String(archive.generation) };
  const argv = ['database-repository', 'repo-get', file];
  const { exitCode, stdout } = await runJob(backups.bench, { name: 'history', argv, mounts, environment });
  return exitCode === 0 ? lineageFrom(archive, timeline, stdout) : undefined;
}

/** Kept here, and in the repository as a snapshot of its own, so that a repository tells what is in it. */
export async function saveCatalogue(backups: BackupContext, sets: Catalogue): Promise<void> {
  const { bench, local: repository } = backups;
  const savedAt = nextSave(sets, new Date()).toISOString();
  const catalogue = { ...(await planCopies(bench, backups.settings, sets)), savedAt };
  const names = ['--stdin', '--stdin-filename', CATALOGUE_FILE, '--tag', 'catalogue', '--host', bench.project];
  const time = ['--time', savedAt.slice(0, 19).replace('T', ' ')];
  await mustRestic(bench, repository, ['backup', '--quiet', ...names, ...time], { input: JSON.stringify(catalogue), name: 'catalogue' });
  writeAtomic(bench.state.at(CATALOGUE_FILE), `${JSON.stringify(catalogue, null, 1)}\n`, 0o600);
  await orderCopies(bench, catalogue);
}

/** The newest list in the repository, and when it was written; undefined if it has none. */
async function newestList({ bench, local: repository }: BackupContext): Promise<{ id: string; time: string } | undefined> {
  const listed = await restic(bench, repository, ['snapshots', '--no-lock', '--json', '--tag', 'catalogue']);
  if (listed.exitCode === RESTIC.noRepository) return undefined;
  // Unreadable is not the same as empty: `prune` would take every set for an unknown one.
  if (listed.exitCode !== 0) throw jobError('the list of sets', listed, 'check that the repository can be read');
  const lists = JSON.parse(listed.stdout) as { id: string; time: string }[];
  return lists.sort((a, b) => Date.parse(a.time) - Date.parse(b.time)).at(-1);
}

async function readList({ bench, local: repository }: BackupContext, id: string): Promise<Catalogue> {
  const { stdout } = await mustRestic(bench, repository, ['dump', '--no-lock', id, CATALOGUE_FILE]);
  return JSON.parse(stdout) as Catalogue;
}

/** The catalogue in the repository; undefined if it has none. */
export async function fetchCatalogue(backups: BackupContext): Promise<Catalogue | undefined> {
  const list = await newestList(backups);
  return list && laterList(undefined, await readList(backups, list.id), new Date(list.time), new Date());
}

/** The sets that are known here, or else to the repository. */
export async function knownSets(backups: BackupContext): Promise<Catalogue | undefined> {
  return readCatalogue(backups.bench.state) ?? (await fetchCatalogue(backups));
}

/**
 * The sets by the later of both lists. A state folder that came from an older copy does not know of the sets since then:
 * `prune` would remove them from the repository.
 */
export async function latestSets(backups: BackupContext): Promise<Catalogue | undefined> {
  const known = readCatalogue(backups.bench.state);
  const list = await newestList(backups);
  if (!list || (known?.savedAt !== undefined && Date.parse(list.time) <= Date.parse(known.savedAt))) return known;
  return laterList(known, await readList(backups, list.id), new Date(list.time), new Date());
}

/** What of the stack goes into the files of a set, and where the job that reads it finds it. */
export function fileSources(loaded: Loaded, { stack, bench }: BackupContext): JobMount[] {
  return [
    ...filePlaces(stack).map(({ part, mount }) => jobMount(stack.project, mount, `/source/${part}`, true)),
    ...cacheNodes(stack).flatMap(({ name, mounts }) =>
      mounts.map((mount) => jobMount(stack.project, mount, `/source/redis/${name}`, true)),
    ),
    { source: bench.state.root, target: '/source/state', kind: 'bind', readOnly: true },
    ...(loaded.configFile && path.dirname(loaded.configFile) === loaded.root
      ? [{ source: loaded.root, target: '/source/settings', kind: 'bind' as const, readOnly: true }]
      : []),
  ];
}

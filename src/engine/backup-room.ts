import os from 'node:os';
import path from 'node:path';
import type { Loaded } from '../config/load.ts';
import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { BackupSet, Catalogue } from '../plan/backup-sets.ts';
import { type DatabaseInfo, databaseInfo, type WalGap, walGaps } from '../plan/pgbackrest.ts';
import { REPOSITORY } from '../services/backup.ts';
import type { BackupSettings } from '../services/backup-settings.ts';
import { volumeName } from '../stack/labels.ts';
import type { Mount, Service, Stack } from '../stack/types.ts';
import { type JobMount, lastWords, type Workbench } from './backup-job.ts';
import type { RunResult } from './compose.ts';
import { writeAtomic } from './files.ts';
import type { Opened } from './open.ts';
import { prepare } from './prepare.ts';
import { checkLocalFolder } from './repository-check.ts';
import { copyRepositories, localRepository, mustRestic, type Repository, restic } from './restic.ts';
import type { StateFolder } from './state.ts';

/** Everything that a command about backups works with. */
export interface BackupRoom {
  bench: Workbench;
  settings: BackupSettings;
  stack: Stack;
  /** The first repository as a mount: a volume or a folder. */
  mount: JobMount;
  local: Repository;
  copies: Repository[];
}

/** @throws UserError NOT_RUNNING where the profile has no backup */
export async function backupRoom(context: Context, { loaded, state }: Opened): Promise<BackupRoom> {
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const server = stack.services.find(({ name }) => name === 'backup');
  const settings = loaded.settings.backup as BackupSettings;
  const mounted = server?.mounts.find(({ target }) => target === REPOSITORY);
  if (!server || !mounted)
    throw new UserError('NOT_RUNNING', `profile ${loaded.profile} has no backup`, 'a profile with `backup`, such as prod or staging');
  const mount = jobMount(stack.project, mounted);
  // A newer medianest has an image that `up` has not built yet: jobs go by what runs.
  const engine = await context.engine();
  const running = (await engine.observe(stack.project)).find(({ service }) => service === 'backup');
  await checkLocalFolder(context, state, loaded);
  return {
    bench: {
      project: stack.project,
      image: running?.image ?? server.image.ref,
      state,
      docker: await context.docker(),
      signal: context.signal,
      memoryBytes: settings.memory,
      cpus: Math.min(settings.cpus, os.cpus().length),
    },
    settings,
    stack,
    mount,
    local: localRepository(mount),
    copies: copyRepositories(settings, (folder) => path.resolve(loaded.root, folder)),
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
export async function inServer({ bench }: BackupRoom, argv: readonly string[], why: string): Promise<RunResult> {
  const result = await bench.docker.run(['exec', `${bench.project}-backup-1`, ...argv], { signal: bench.signal });
  if (result.exitCode === 0) return result;
  throw new UserError('BACKUP_FAILED', `${why}: ${lastWords(result)}`, 'medianest logs backup; medianest status shows what runs');
}

/** What pgBackRest says that it has. */
export async function readDatabase(room: BackupRoom): Promise<DatabaseInfo> {
  const { stdout } = await inServer(
    room,
    ['pgbackrest', '--log-level-console=off', 'info', '--output=json'],
    'the repository of the database',
  );
  return databaseInfo(stdout);
}

/** Where WAL is missing since the oldest set that is kept. */
export async function readGaps(room: BackupRoom, sets: readonly BackupSet[]): Promise<WalGap[]> {
  const { stdout } = await inServer(room, ['segments'], 'the archive of WAL');
  const oldest = sets.map(({ parts }) => parts.db.walStart).sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1))[0];
  return walGaps(stdout.split('\n'), oldest);
}

const FILE = 'backups.json';

export const readCatalogue = (state: StateFolder): Catalogue | undefined =>
  state.readJson<Catalogue>(FILE, 'sets are read from the repository again', (value) => Array.isArray((value as Catalogue)?.sets));

/** Kept here, and in the repository as a snapshot of its own, so that a repository tells what is in it. */
export async function saveCatalogue(room: BackupRoom, catalogue: Catalogue): Promise<void> {
  await storeCatalogue(room, room.local, catalogue);
  writeAtomic(room.bench.state.at(FILE), `${JSON.stringify(catalogue, null, 1)}\n`, 0o600);
}

export async function storeCatalogue({ bench }: BackupRoom, repository: Repository, catalogue: Catalogue): Promise<void> {
  const names = ['--stdin', '--stdin-filename', FILE, '--tag', 'catalogue', '--host', bench.project];
  await mustRestic(bench, repository, ['backup', '--quiet', ...names], { input: JSON.stringify(catalogue), name: 'catalogue' });
  await mustRestic(bench, repository, [
    'forget',
    '--quiet',
    '--tag',
    'catalogue',
    '--host',
    bench.project,
    '--group-by',
    'tags',
    '--keep-last',
    '2',
  ]);
}

/** The catalogue that a repository holds; undefined where it has none. */
async function fetchCatalogue({ bench }: BackupRoom, repository: Repository): Promise<Catalogue | undefined> {
  const { exitCode, stdout } = await restic(bench, repository, ['dump', '--no-lock', '--tag', 'catalogue', 'latest', FILE]);
  return exitCode === 0 ? (JSON.parse(stdout) as Catalogue) : undefined;
}

/** The sets that are known here, or else to the repository. */
export async function knownSets(room: BackupRoom): Promise<Catalogue | undefined> {
  return readCatalogue(room.bench.state) ?? (await fetchCatalogue(room, room.local));
}

/** What of the stack goes into the files of a set, and where the job that reads it finds it. */
export function fileSources(loaded: Loaded, { stack, settings, bench }: BackupRoom): JobMount[] {
  const app = stack.services.find(({ component, oneOff }) => component === 'app' && !oneOff);
  const of = (target: string, at: string) =>
    (app?.mounts ?? []).filter((mount) => mount.target === target).map((mount) => jobMount(stack.project, mount, at, true));
  const nodes: Service[] = stack.services.filter(({ component }) => component === 'redis-cluster');
  return [
    ...of('/srv/uploads', '/source/uploads'),
    ...(settings.media ? of('/srv/media', '/source/media') : []),
    ...nodes.flatMap(({ name, mounts }) => mounts.map((mount) => jobMount(stack.project, mount, `/source/redis/${name}`, true))),
    { source: bench.state.root, target: '/source/state', kind: 'bind', readOnly: true },
    ...(loaded.configFile && path.dirname(loaded.configFile) === loaded.root
      ? [{ source: loaded.root, target: '/source/settings', kind: 'bind' as const, readOnly: true }]
      : []),
  ];
}

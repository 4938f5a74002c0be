import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import type { DockerCli, RunResult } from '../../docker/compose.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { mountArgs } from '../../docker/mount-args.ts';
import { removeVolumes } from '../../docker/volume.ts';
import { BACKUP_CPU_SHARES } from '../../services/backup/backup.ts';
import { LABEL } from '../../stack/labels.ts';
import { folderDriverOptions } from '../../stack/storage.ts';
import type { StateFolder } from '../../state/state.ts';

/** A container that does one thing and exits: it has what it needs for that, and no more. */
export interface Job {
  /** In its name, and what an error calls it. */
  name: string;
  argv: readonly string[];
  mounts?: readonly JobMount[];
  environment?: Readonly<Record<string, string>>;
  /** Root with these alone; without any it is the repository’s user. */
  capabilities?: readonly string[];
  input?: string;
  memoryBytes?: number;
  /** Fewer than the backup has (cores, a tenth at least). */
  cpus?: number;
  /** Its input or output are data of any length (stream-job.ts): the engine keeps no log of that. */
  streams?: 'in' | 'out';
  /** Whose secrets it is given, where those are not the repository host’s. */
  secretsOf?: string;
  /** A network that it may use; without it, it has none. */
  network?: string;
}

export interface JobMount {
  source: string;
  target: string;
  kind: 'volume' | 'bind';
  readOnly: boolean;
}

/** Where jobs run: the image of the backup, and its secrets. */
export interface Workbench {
  project: string;
  /** The container of the repository host. */
  server: string;
  image: string;
  state: StateFolder;
  docker: DockerCli;
  signal: AbortSignal;
  memoryBytes: number;
  cpus: number;
  /** Under the lock of the state folder. Others may look at the same time: their jobs are neither in the way nor removed. */
  locked: boolean;
  /** Encrypted volumes -> their folders. */
  encrypted?: ReadonlyMap<string, string>;
}

/**
 * A volume that is not there yet is made by the engine: with the project's label, so that `up` knows it again, and bound to its encrypted
 * folder where it has one.
 */
const mounted = ({ source, target, kind, readOnly }: JobMount, { project, encrypted }: Workbench): string[] => {
  const folder = encrypted?.get(source);
  const options =
    folder === undefined ? [] : Object.entries(folderDriverOptions(folder)).map(([name, value]) => `volume-opt=${name}=${value}`);
  return mountArgs([
    ...[`type=${kind}`, ...(source ? [`source=${source}`] : []), `target=${target}`, ...(readOnly ? ['readonly'] : [])],
    ...(kind === 'volume' ? ['volume-nocopy', ...(source ? [`volume-label=${LABEL.project}=${project}`] : [])] : []),
    ...(options.length > 0 ? ['volume-driver=local', ...options] : []),
  ]);
};

/** The arguments of `docker` for it. */
export function jobArgs(bench: Workbench, job: Job): string[] {
  const { project, state } = bench;
  const name = `${project}-job-${job.name}${bench.locked ? '' : `-${process.pid}`}`;
  const secrets = { source: state.at('secrets', job.secretsOf ?? 'backup'), target: '/run/secrets', kind: 'bind' as const, readOnly: true };
  const root = (job.capabilities ?? []).length > 0;
  return [
    ...['run', '--rm', '--init', '--name', name, '--hostname', 'medianest-backup', '--pull', 'never'],
    ...['--label', `${LABEL.project}=${project}`, ...(bench.locked ? ['--label', `${LABEL.job}=${job.name}`] : [])],
    ...[...HARDENED, '--tmpfs', '/run:mode=1777'],
    ...[...(job.capabilities ?? []).flatMap((name) => ['--cap-add', name]), '--user', root ? '0:0' : '10002:10002'],
    ...['--network', job.network ?? 'none', '--pids-limit', '256'],
    ...[
      '--memory',
      String(job.memoryBytes ?? bench.memoryBytes),
      '--cpus',
      String(job.cpus ?? bench.cpus),
      '--cpu-shares',
      String(BACKUP_CPU_SHARES),
    ],
    ...[...(job.mounts ?? []), secrets].flatMap((mount) => mounted(mount, bench)),
    ...Object.entries(job.environment ?? {}).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    ...(job.streams ? ['--log-driver', 'none'] : []),
    ...(job.input === undefined && job.streams !== 'in' ? [] : ['--interactive']),
    ...['--entrypoint', job.argv[0] ?? '', bench.image, ...job.argv.slice(1)],
  ];
}

/** Runs it to its end, whatever its exit status. Its output is in `stdout`. */
export async function runJob(bench: Workbench, job: Job, task?: Task): Promise<RunResult> {
  const onLine = (line: string) => task?.detail(line.slice(0, 200));
  const result = await bench.docker.run(jobArgs(bench, job), {
    signal: bench.signal,
    onLine,
    ...(job.input !== undefined && { input: job.input }),
  });
  return result;
}

/**
 * What a job has found out, whatever its exit status. @throws UserError where it did not run to its end: the engine refused or killed
 * it (docker run: 125 to 127; 128 and a signal), so its status tells nothing of what it was to look at
 */
export function ended(name: string, result: RunResult): RunResult {
  if (result.exitCode < 125) return result;
  throw jobError(name, result, 'run the same command again; if it is killed each time, raise `backup.memory`');
}

/** @throws UserError with its last words where it fails */
export async function mustRun(bench: Workbench, job: Job, task?: Task, hint = HINT): Promise<RunResult> {
  const result = await runJob(bench, job, task);
  if (result.exitCode === 0) return result;
  throw jobError(job.name, result, hint);
}

const HINT = 'correct what it names and run the same command again';

export const lastWords = ({ tail }: Pick<RunResult, 'tail'>): string =>
  tail
    .filter((line) => line.trim() !== '' && !/HINT|^\{"message_type":"(status|summary)/.test(line))
    .slice(-3)
    .map((line) => line.trim())
    .join(' | ');

export const jobError = (name: string, result: RunResult, hint = HINT): UserError =>
  new UserError('BACKUP_FAILED', `${name} ended with status ${result.exitCode}: ${lastWords(result)}`, hint);

/** What a killed run has left, and volumes that were for its work alone: the lock is ours, so none of it is anybody’s any more. */
export async function removeJobs({ project, docker }: Pick<Workbench, 'project' | 'docker'>): Promise<void> {
  const filters = ['--filter', `label=${LABEL.project}=${project}`, '--filter', `label=${LABEL.job}`];
  const { stdout } = await docker.run(['ps', '--all', '--quiet', ...filters]);
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await docker.run(['rm', '--force', '--volumes', ...ids]);
  const volumes = (await docker.run(['volume', 'ls', '--quiet', ...filters])).stdout.split('\n').filter(Boolean);
  await removeVolumes(volumes, docker);
}

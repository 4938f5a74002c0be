import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import type { RunResult } from '../../docker/compose.ts';
import { ended, type Job, type JobMount, jobError, runJob, type Workbench } from './job.ts';

/** Where it is in a job. */
const LOCAL = '/srv/backups/files';

/**
 * How fast a processor the job has that makes a key (cores). restic measures what scrypt may cost when it makes one, and every
 * start pays that: half a second of a whole core. It stretches words that people choose; ours are 24 random bytes.
 */
export const KEY_MAKER_CPUS = 0.1;

/** restic's repository: where a job finds it, and what it is mounted from. */
export interface Repository {
  location: string;
  mounts: JobMount[];
}

export const localRepository = (mount: JobMount): Repository => ({ location: LOCAL, mounts: [mount] });

/** restic’s exit statuses (its manual, "Scripting"). */
export const RESTIC = { incomplete: 3, noRepository: 10, locked: 11, wrongKey: 12 } as const;

/** restic in a repository, as a job. */
export const resticJob = (repository: Repository, args: readonly string[], more: Partial<Omit<Job, 'argv'>> = {}): Job => ({
  name: more.name ?? `restic-${args[0]}`,
  argv: ['repository', ...args],
  ...(more.capabilities && { capabilities: more.capabilities }),
  ...(more.input !== undefined && { input: more.input }),
  ...(more.cpus !== undefined && { cpus: more.cpus }),
  ...(more.streams && { streams: more.streams }),
  mounts: [...repository.mounts, ...(more.mounts ?? [])],
  environment: { RESTIC_REPOSITORY: repository.location, ...more.environment },
});

/** Runs restic in a repository, whatever its exit status. @throws UserError where the key is not the repository’s, or restic was killed */
export async function restic(
  bench: Workbench,
  repository: Repository,
  args: readonly string[],
  more: Partial<Omit<Job, 'argv'>> = {},
  task?: Task,
): Promise<RunResult> {
  const result = ended(`restic ${args[0]}`, await runJob(bench, resticJob(repository, args, more), task));
  if (result.exitCode === RESTIC.wrongKey)
    throw new UserError(
      'REPOSITORY_AWAY',
      'the repository was made with another key; nothing was changed',
      'its key is in the state folder (secrets.json) or the recovery kit of the installation that made it: medianest restore --kit FILE',
    );
  return result;
}

/** @throws UserError with restic’s last words where it fails */
export async function mustRestic(...args: Parameters<typeof restic>): Promise<RunResult> {
  const result = await restic(...args);
  if (result.exitCode === 0) return result;
  throw jobError(`restic ${args[2][0]}`, result);
}

/** Makes the repository where there is none, and takes away locks of runs that were killed: we alone write to it, under our own lock. */
export async function openRepository(bench: Workbench, repository: Repository): Promise<void> {
  const found = await restic(bench, repository, ['unlock', '--remove-all', '--quiet']);
  if (found.exitCode === 0) return;
  if (found.exitCode !== RESTIC.noRepository) throw jobError('the repository', found, 'check that it can be reached and written');
  await mustRestic(bench, repository, ['init', '--quiet'], { cpus: KEY_MAKER_CPUS });
}

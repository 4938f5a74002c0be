import { UserError } from '../errors.ts';
import { type CopyAccess, copyAccess } from '../services/backup-copies.ts';
import type { BackupSettings } from '../services/backup-settings.ts';
import type { Task } from '../ui/reporter.ts';
import { type Job, type JobMount, jobError, runJob, type Workbench } from './backup-job.ts';
import type { RunResult } from './compose.ts';

/** Where the first repository is in a job. */
const LOCAL = '/srv/backups/files';

/** A restic repository: the first one, or a copy of it elsewhere. */
export interface Repository {
  name: 'local' | 'offsite' | 'vault';
  location: string;
  environment: Record<string, string>;
  mounts: JobMount[];
  network: 'none' | 'bridge';
}

export function localRepository(mount: JobMount): Repository {
  return { name: 'local', location: LOCAL, environment: {}, mounts: [mount], network: 'none' };
}

/** Those copies that the settings name. @param folder makes a folder of the settings absolute */
export function copyRepositories(own: BackupSettings, folder: (path: string) => string): Repository[] {
  return (['offsite', 'vault'] as const).flatMap((name) => {
    const access = copyAccess(name, own[name]);
    return access ? [copyOf(name, access, folder)] : [];
  });
}

function copyOf(name: 'offsite' | 'vault', access: CopyAccess, folder: (path: string) => string): Repository {
  const { location, environment, secrets } = access;
  const variables = Object.entries(secrets).map(([variable, secret]) => `${variable}=${secret}`);
  return {
    name,
    location,
    environment: { ...environment, ...(variables.length > 0 && { SECRETS: variables.join(' ') }) },
    mounts: access.folder ? [{ source: folder(access.folder), target: location, kind: 'bind', readOnly: false }] : [],
    network: access.folder ? 'none' : 'bridge',
  };
}

/** restic’s exit statuses (its manual, "Scripting"). */
export const RESTIC = { incomplete: 3, noRepository: 10, locked: 11, wrongKey: 12 } as const;

/** Runs restic in a repository, whatever its exit status. @throws UserError where the key is not the repository’s */
export async function restic(
  bench: Workbench,
  repository: Repository,
  args: readonly string[],
  more: Partial<Omit<Job, 'argv'>> = {},
  task?: Task,
): Promise<RunResult> {
  const job = {
    name: `${more.name ?? `restic-${args[0]}`}-${repository.name}`,
    argv: ['repository', ...args],
    network: repository.network,
    ...(more.capabilities && { capabilities: more.capabilities }),
    ...(more.input !== undefined && { input: more.input }),
    mounts: [...repository.mounts, ...(more.mounts ?? [])],
    environment: { RESTIC_REPOSITORY: repository.location, ...repository.environment, ...more.environment },
  };
  const result = await runJob(bench, job, task);
  if (result.exitCode === RESTIC.wrongKey)
    throw new UserError(
      'REPOSITORY_AWAY',
      `the repository ${repository.name} (${repository.location}) was made with another key; nothing was changed`,
      'its key is in the state folder (secrets.json) or the recovery kit of the installation that made it: medianest backup import-kit',
    );
  return result;
}

/** @throws UserError with restic’s last words where it fails */
export async function mustRestic(...args: Parameters<typeof restic>): Promise<RunResult> {
  const result = await restic(...args);
  if (result.exitCode === 0) return result;
  throw jobError(`restic ${args[2][0]} in the repository ${args[1].name}`, result);
}

/** Makes the repository where there is none, and takes away locks of runs that were killed: we alone write to it, under our own lock. */
export async function openRepository(bench: Workbench, repository: Repository, from?: Repository): Promise<void> {
  const found = await restic(bench, repository, ['cat', 'config']);
  if (found.exitCode === 0) {
    await mustRestic(bench, repository, ['unlock', '--remove-all', '--quiet']);
    return;
  }
  if (found.exitCode !== RESTIC.noRepository)
    throw jobError(`the repository ${repository.name}`, found, 'check that it can be reached and written');
  const like = from ? ['--copy-chunker-params', '--from-repo', from.location] : [];
  await mustRestic(bench, repository, ['init', '--quiet', ...like], { mounts: from?.mounts ?? [] });
}

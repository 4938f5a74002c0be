import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli, RunResult } from '../../docker/compose.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { mountArgs } from '../../docker/mount-args.ts';
import type { ObservedVolume } from '../../docker/types.ts';
import { LABEL } from '../../stack/labels.ts';

/** Reads all and writes owners, modes and times as they were. */
const CAPABILITIES = ['CHOWN', 'FOWNER', 'FSETID', 'DAC_OVERRIDE'];

/** What a killed run has left running: the lock is ours, so nothing waits for it. */
export async function removeCarryJobs(project: string, docker: DockerCli): Promise<void> {
  const filters = ['--filter', `label=${LABEL.project}=${project}`, '--filter', `label=${LABEL.job}=carry`];
  const { stdout } = await docker.run(['ps', '--all', '--quiet', ...filters]);
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await docker.run(['rm', '--force', '--volumes', ...ids]);
}

/** A program in a container of its own, without network, as a root that may do nothing but files. */
export async function carryJob(
  script: string,
  { project, image, mounts }: { project: string; image: string; mounts: readonly (readonly string[])[] },
  docker: DockerCli,
  signal: AbortSignal,
  onLine?: (line: string) => void,
): Promise<RunResult> {
  return docker.run(
    [
      ...['run', '--rm', '--init', '--name', `${project}-job-carry`, '--network', 'none', '--user', '0:0', '--pull', 'never', ...HARDENED],
      ...CAPABILITIES.flatMap((capability) => ['--cap-add', capability]),
      ...['--label', `${LABEL.project}=${project}`, '--label', `${LABEL.job}=carry`],
      ...mounts.flat(),
      ...['--entrypoint', 'bash', image, '-c', script],
    ],
    { signal, ...(onLine && { onLine }) },
  );
}

/** A volume in such a container; what its image has at that place is not copied into it. */
export const carryMount = (source: string, target: string, access: 'readonly' | 'writable'): string[] =>
  mountArgs(['type=volume', `source=${source}`, `target=${target}`, 'volume-nocopy', ...(access === 'readonly' ? ['readonly'] : [])]);

/** Where the copy of an old database is, while it is dumped. */
export const scratchOf = (project: string): string => `${project}_carry-scratch`;

/** Jobs and the copy that is dumped; what is not ours stays. */
export async function removeCarryRemains(project: string, { docker, engine }: Pick<Execution, 'docker' | 'engine'>): Promise<void> {
  await removeCarryJobs(project, docker);
  const volumes = await engine.volumes();
  const isScratch = ({ name, labels }: ObservedVolume) =>
    name === scratchOf(project) && labels[LABEL.project] === project && labels[LABEL.job] === 'carry';
  if (volumes.some(isScratch)) await engine.removeVolume(scratchOf(project));
}

/** A copy of what changes meanwhile is worth nothing. @throws UserError FOREIGN_STATE */
export async function refuseUsed(volumes: readonly string[], docker: DockerCli): Promise<void> {
  for (const name of volumes) {
    const { stdout } = await docker.run(['ps', '--filter', `volume=${name}`, '--format', '{{.Names}}']);
    const users = stdout.split('\n').filter(Boolean);
    if (users.length > 0)
      throw new UserError(
        'FOREIGN_STATE',
        `the volume ${name} is in use by ${users.join(', ')}, and data that changes cannot be copied; nothing was changed`,
        `stop it: docker stop ${users.join(' ')}; then run the same command again`,
      );
  }
}

/** What is not finished, and can be continued. @param tail the last lines of what failed */
export const failed = (what: string, tail: readonly string[]): UserError =>
  new UserError(
    'PARTIAL',
    `${what}: ${tail.slice(-3).join(' | ') || 'no answer'}; the old data is as it was`,
    'correct what it names (a full disk, the engine), and run the same command again: it continues',
  );

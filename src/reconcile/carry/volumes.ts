import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import type { DockerCli, RunResult } from '../../docker/compose.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { freeSpaceOf } from '../../docker/plan/free-space.ts';
import { createVolume } from '../../docker/volume.ts';
import { LABEL } from '../../stack/labels.ts';
import { bytes } from '../../ui/bytes.ts';
import type { ReconcileSteps } from '../plan/step.ts';
import { noteCarry, readCarry } from './journal.ts';

/** A plain file system keeps some space for itself. */
const RESERVE = 64 * 1024 ** 2;

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
async function carryJob(
  script: string,
  { project, image, mounts }: { project: string; image: string; mounts: readonly string[] },
  docker: DockerCli,
  signal: AbortSignal,
  onLine?: (line: string) => void,
): Promise<RunResult> {
  return docker.run(
    [
      ...['run', '--rm', '--init', '--name', `${project}-job-carry`, '--network', 'none', '--user', '0:0', '--pull', 'never', ...HARDENED],
      ...CAPABILITIES.flatMap((capability) => ['--cap-add', capability]),
      ...['--label', `${LABEL.project}=${project}`, '--label', `${LABEL.job}=carry`],
      ...mounts.flatMap((mount) => ['--mount', mount]),
      ...['--entrypoint', 'bash', image, '-c', script],
    ],
    { signal, ...(onLine && { onLine }) },
  );
}

const mounted = (source: string, target: string, readOnly: boolean): string =>
  `type=volume,source=${source},target=${target},volume-nocopy${readOnly ? ',readonly' : ''}`;

/** Sizes as they are on the disk, and what is free where the engine makes volumes. */
const LOOK = `set -euo pipefail
du --summarize --block-size=1 /from | cut -f 1
stat --file-system --format '%a %S' /room
for file in /from/0/PG_VERSION /from/0/*/PG_VERSION; do [ ! -f "$file" ] || cat "$file"; done`;

/** The major version that the image has; a dump of another one is not made. */
const MAJOR = '17';

/** @throws UserError DISK_FULL, FOREIGN_STATE; nothing was changed by then */
export async function checkCarry({ volumes, image, database }: ReconcileSteps['check-carry'], run: Execution): Promise<void> {
  const { docker, context, prepared } = run;
  await removeCarryJobs(prepared.project, docker);
  if (!database) await refuseUsed(volumes, docker);
  const mounts = [...volumes.map((name, index) => mounted(name, `/from/${index}`, true)), 'type=volume,target=/room'];
  const { exitCode, stdout, tail } = await carryJob(LOOK, { project: prepared.project, image, mounts }, docker, context.signal);
  const [size, room = '', ...versions] = stdout.trim().split('\n');
  // Of a database, there is the copy that is dumped, and the new one.
  const [needed, free] = [Number(size) * (database ? 2 : 1) + RESERVE, freeSpaceOf(room)];
  if (exitCode !== 0 || !Number.isFinite(needed) || free === undefined) throw failed('the volumes cannot be measured', tail);
  if (database && versions.join() !== MAJOR)
    throw new UserError(
      'FOREIGN_STATE',
      `${volumes[0]} has ${versions.length === 1 ? `a PostgreSQL ${versions[0]}` : 'no single PostgreSQL cluster'}, and this image is PostgreSQL ${MAJOR}; nothing was changed`,
      'dump it with the version that made it, begin with `medianest up --new-data`, and load the dump',
    );
  if (needed <= free) return;
  throw new UserError(
    'DISK_FULL',
    `a copy of ${volumes.join(', ')} takes ${bytes(needed)}, and the engine’s disk has ${bytes(free)} left; nothing was changed`,
    'free some space (docker system df), and run the same command again',
  );
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

/**
 * Copies, and compares: names, kinds, owners, modes, links and the contents of every file. What an interrupted copy has left goes
 * first; the source is mounted read-only.
 */
const COPY = `set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C
find /to -mindepth 1 -delete
cp --archive --sparse=auto /from/. /to/
sync --file-system /to
list() {
  cd "$1"
  find . '(' -type f -printf 'f %m %U %G %s %T@ %p\\0' ')' -o '(' -type l -printf 'l %U %G %l %p\\0' ')' -o -printf '%y %m %U %G %p\\0' | sort --zero-terminated
  find . -type f -print0 | sort --zero-terminated | xargs --null --no-run-if-empty sha256sum --zero
}
old=$(list /from | sha256sum)
new=$(list /to | sha256sum)
[ "$old" = "$new" ] || { echo 'the copy is not what was copied'; exit 3; }
find /to -type f | wc --lines`;

/** Makes a verified copy of a volume. @returns how many files it has */
export async function copyVolume(
  { from, to, labels, image }: { from: string; to: string; labels: Readonly<Record<string, string>>; image: string },
  { docker, context, prepared }: Execution,
  task: Task | undefined,
): Promise<number> {
  await createVolume(to, labels, docker);
  const mounts = [mounted(from, '/from', true), mounted(to, '/to', false)];
  const { exitCode, stdout, tail } = await carryJob(COPY, { project: prepared.project, image, mounts }, docker, context.signal);
  if (exitCode !== 0) throw failed(`the volume ${from} could not be copied`, tail);
  const files = Number(stdout.trim());
  task?.detail(`${files} files, compared by their checksums`);
  return files;
}

/** A copy under the name that the stack reads, noted once it is verified. */
export async function carryVolume(step: ReconcileSteps['carry-volume'], run: Execution, task: Task | undefined): Promise<void> {
  const { state } = run.prepared;
  await removeCarryJobs(run.prepared.project, run.docker);
  await refuseUsed([step.from, step.to], run.docker);
  await copyVolume(step, run, task);
  const made = (await run.engine.volumes()).find(({ name }) => name === step.to)?.createdAt ?? '';
  const journal = readCarry(state);
  if (journal) noteCarry(state, { ...journal, copied: { ...journal.copied, [step.to]: made } });
}

export const failed = (what: string, tail: readonly string[]): UserError =>
  new UserError(
    'PARTIAL',
    `${what}: ${tail.slice(-3).join(' | ') || 'no answer'}; the old data is as it was`,
    'correct what it names (a full disk, the engine), and run the same command again: it continues',
  );

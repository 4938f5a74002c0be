import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { bytes } from '../../core/plural.ts';
import type { Task } from '../../core/reporter.ts';
import { mountArgs } from '../../docker/mount-args.ts';
import { freeSpaceOf } from '../../docker/plan/free-space.ts';
import { createVolume } from '../../docker/volume.ts';
import { POSTGRES_MAJOR } from '../../services/database/postgres.ts';
import { roomForDatabase } from '../plan/carry-compare.ts';
import type { ReconcileSteps } from '../plan/step.ts';
import { carryJob, carryMount, failed, refuseUsed, removeCarryJobs } from './jobs.ts';
import { noteCarry, readCarry } from './journal.ts';

/** A plain file system keeps some space for itself. */
const RESERVE = 64 * 1024 ** 2;

/** Size as it is on the disk, and what is free where the engine makes volumes. */
const LOOK = `set -euo pipefail
du --summarize --block-size=1 /from | cut -f 1
stat --file-system --format '%a %S' /room`;

/** Of a database, which may be running: what goes while it is counted is no fault. Then the WAL and the version of each cluster there. */
const LOOK_AT_DATABASE = `set -euo pipefail
count() { { du --summarize --block-size=1 "$1" 2>/dev/null || :; } | cut -f 1; }
count /from
stat --file-system --format '%a %S' /room
for folder in /from/0 /from/0/*; do
  [ -f "$folder/PG_VERSION" ] || continue
  count "$folder/pg_wal"
  cat "$folder/PG_VERSION"
done`;

/** @throws UserError DISK_FULL, FOREIGN_STATE; nothing was changed by then */
export async function checkCarry({ volumes, image, database }: ReconcileSteps['check-carry'], run: Execution): Promise<void> {
  const { docker, context, prepared } = run;
  await removeCarryJobs(prepared.project, docker);
  if (!database) await refuseUsed(volumes, docker);
  const mounts = [
    ...volumes.map((name, index) => carryMount(name, `/from/${index}`, 'readonly')),
    mountArgs(['type=volume', 'target=/room']),
  ];
  const script = database ? LOOK_AT_DATABASE : LOOK;
  const { exitCode, stdout, tail } = await carryJob(script, { project: prepared.project, image, mounts }, docker, context.signal);
  const [size, room = '', ...clusters] = stdout.trim().split('\n');
  const versions = clusters.filter((_, index) => index % 2 === 1);
  const needed = RESERVE + (database ? roomForDatabase(Number(size), Number(clusters[0] ?? 0), database.members) : Number(size));
  const free = freeSpaceOf(room);
  if (exitCode !== 0 || !Number.isFinite(needed) || free === undefined) throw failed('the volumes cannot be measured', tail);
  if (database && versions.join() !== POSTGRES_MAJOR)
    throw new UserError(
      'FOREIGN_STATE',
      `${volumes[0]} has ${versions.length === 1 ? `a PostgreSQL ${versions[0]}` : 'no single PostgreSQL cluster'}, and this medianest runs PostgreSQL ${POSTGRES_MAJOR}; nothing was changed`,
      'dump it with the version that made it, begin with `medianest up --new-data`, and load the dump',
    );
  if (needed <= free) return;
  throw new UserError(
    'DISK_FULL',
    `${database ? `to carry the database in ${volumes[0]}` : `a copy of ${volumes.join(', ')}`} takes ${bytes(needed)}, and the engine’s disk has ${bytes(free)} left; nothing was changed`,
    'free some space (docker system df), and run the same command again',
  );
}

/**
 * Copies, and compares: names, kinds, owners, modes, links and the contents of every file. What an interrupted copy has left goes
 * first; the source is mounted read-only. The folders may be named as arguments.
 */
export const COPY = `set -euo pipefail
from=\${1:-/from} to=\${2:-/to}
shopt -s inherit_errexit
export LC_ALL=C
find "$to" -mindepth 1 -delete
cp --archive --sparse=auto "$from/." "$to/"
sync --file-system "$to"
list() {
  cd "$1"
  find . '(' -type f -printf 'f %m %U %G %s %T@ %p\\0' ')' -o '(' -type l -printf 'l %U %G %l %p\\0' ')' -o -printf '%y %m %U %G %p\\0' | sort --zero-terminated
  find . -type f -print0 | sort --zero-terminated | xargs --null --no-run-if-empty sha256sum --zero
}
old=$(list "$from" | sha256sum)
new=$(list "$to" | sha256sum)
[ "$old" = "$new" ] || { echo 'the copy is not what was copied'; exit 3; }
find "$to" -type f | wc --lines`;

/** Makes a verified copy of a volume. @returns how many files it has */
export async function copyVolume(
  { from, to, labels, image }: { from: string; to: string; labels: Readonly<Record<string, string>>; image: string },
  { docker, context, prepared }: Execution,
  task: Task | undefined,
): Promise<number> {
  await createVolume(to, labels, docker);
  const mounts = [carryMount(from, '/from', 'readonly'), carryMount(to, '/to', 'writable')];
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

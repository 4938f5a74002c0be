import { verifyProblems } from '../plan/pgbackrest.ts';
import { jobError, runJob } from './backup-job.ts';
import type { BackupRoom } from './backup-room.ts';

/** Has pgBackRest read its labels again. @param environment which repository, for `database-repository` @returns what is wrong with the first that is not good */
export async function labelProblem(
  room: BackupRoom,
  labels: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  for (const label of labels) {
    const argv = ['database-repository', 'verify', `--set=${label}`, '--output=text', '--verbose'];
    const result = await runJob(room.bench, { name: 'verify', argv, mounts: [{ ...room.mount, readOnly: true }], environment });
    if (result.exitCode !== 0) throw jobError('pgbackrest verify', result);
    const [problem] = verifyProblems(result.stdout);
    if (problem) return `${label}: ${problem}`;
  }
  return undefined;
}

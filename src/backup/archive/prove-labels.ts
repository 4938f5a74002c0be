import type { RunResult } from '../../docker/compose.ts';
import { verifyProblems } from '../plan/pgbackrest.ts';
import { ended, jobError, runJob } from '../repository/job.ts';
import type { BackupContext } from '../repository/repository.ts';

/**
 * Has pgBackRest read one of its labels again, with the WAL that makes it consistent; or all of them, and all WAL. It ends with 0
 * whatever it finds (`verifyProblems`). @param label without one, damaged files are named among its last words @param environment which repository, for `database-repository`
 */
export async function verifyLabel(
  backups: BackupContext,
  label: string | undefined,
  environment: Readonly<Record<string, string>>,
): Promise<RunResult> {
  const job = {
    name: 'verify',
    argv: ['database-repository', 'verify', ...(label ? [`--set=${label}`] : ['--log-level-stderr=info']), '--output=text', '--verbose'],
    mounts: [{ ...backups.mount, readOnly: true }],
    environment,
  };
  return ended('pgbackrest verify', await runJob(backups.bench, job));
}

/** The same of several. @returns what is wrong with the first that is not good @throws UserError where one could not be read */
export async function labelProblem(
  backups: BackupContext,
  labels: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  for (const label of labels) {
    const result = await verifyLabel(backups, label, environment);
    if (result.exitCode !== 0) throw jobError('pgbackrest verify', result);
    const [problem] = verifyProblems(result.stdout);
    if (problem) return `${label}: ${problem}`;
  }
  return undefined;
}

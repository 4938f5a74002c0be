import type { Context, Project } from '../../capability/capability.ts';
import type { Check } from '../../capability/check.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { COPIES } from '../../services/backup/backup.ts';
import type { BackupSettings } from '../../services/backup/settings/backup-settings.ts';
import { copyNames } from '../../services/backup/settings/copies-settings.ts';
import type { Loaded } from '../../settings/loaded.ts';
import { alarmed } from '../alert.ts';
import type { Catalogue } from '../plan/backup-sets.ts';
import { COPIES_COMMAND, type CopyState, copyChecks, parseCopies, wantText, withCopies } from '../plan/copies.ts';
import type { KeepPolicy } from '../plan/retention.ts';
import { lastWords, type Workbench } from '../repository/job.ts';

/** The rules of each copy. */
export const copyPolicies = ({ copies }: BackupSettings): Record<string, KeepPolicy> =>
  Object.fromEntries(copyNames(copies).map((name) => [name, copies[name].keep]));

/** How far each copy has got; undefined where their container does not answer. */
export async function readCopies(docker: DockerCli, project: string, settings: BackupSettings): Promise<CopyState[] | undefined> {
  const names = copyNames(settings.copies);
  if (names.length === 0) return [];
  const { exitCode, stdout } = await docker.run(['exec', `${project}-${COPIES}-1`, 'copies', 'status']);
  return exitCode === 0 ? parseCopies(names, stdout) : undefined;
}

/** For `health` and `status`; nothing where there are no copies. */
export async function copyHealth(context: Context, { settings }: Loaded): Promise<Check[]> {
  const own = settings.backup as BackupSettings | undefined;
  if (!own || !settings.components.backup || copyNames(own.copies).length === 0) return [];
  return copyChecks(await readCopies(await context.docker(), settings.project, own), own.archiveSeconds, context.clock.now());
}

/** The same, and the alarm is raised where a copy is behind by more than is promised. */
export const watchCopies = (context: Context, project: Project): Promise<Check[]> =>
  alarmed(context, project, COPIES_COMMAND, () => copyHealth(context, project.loaded), {
    wrong: (checks) => checks.find(({ status }) => status === 'fail')?.message,
  });

/** The catalogue with what each copy should hold. */
export const planCopies = async ({ docker, project }: Workbench, settings: BackupSettings, catalogue: Catalogue): Promise<Catalogue> =>
  withCopies(catalogue, copyPolicies(settings), await readCopies(docker, project, settings));

/** Leaves it beside the data, where the container of the copies finds it when it can send. Killed before, the next command does. */
export async function orderCopies({ docker, server, signal }: Workbench, { copies }: Catalogue): Promise<void> {
  for (const [name, sets] of Object.entries(copies ?? {})) {
    const result = await docker.run(['exec', '--interactive', server, 'want-copies', name], {
      signal,
      input: wantText(sets),
    });
    if (result.exitCode !== 0)
      throw new UserError(
        'BACKUP_FAILED',
        `the request to the copy ${name}: ${lastWords(result)}`,
        'medianest logs backup; then the same again',
      );
  }
}

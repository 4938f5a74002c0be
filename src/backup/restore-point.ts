import type { Execution, Step } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { open } from '../project/open.ts';
import { makeSet } from './backup.ts';
import { backupContext } from './repository/repository.ts';

/** A set of everything before a migration, under the lock of the command that migrates. @throws UserError where none can be made: nothing is migrated then */
export async function makeRestorePoint({ service }: Step<'make-restore-point'>, run: Execution): Promise<void> {
  const { context, lock } = run;
  const project = await open(context);
  try {
    const backups = await backupContext(context, project, { lock });
    const { set, warnings } = await makeSet(context, project, backups, 'incr', 'asked', `before ${service}`);
    for (const warning of warnings) context.report.warn(warning);
    context.report.note(`${set.id} is the restore point before ${service}`);
    if (run.noted) run.noted.restorePoint = set.id;
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    throw new UserError(
      error.code,
      `no restore point can be made before ${service}, so the database is not migrated: ${error.message}`,
      `${error.hint}; without a restore point: \`app.restorePoint: false\` in medianest.yml`,
      { cause: error },
    );
  }
}

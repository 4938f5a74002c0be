import type { Execution } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import { runCompose } from '../compose-project.ts';

/** A container of its own that runs to its end. @throws UserError HOOK_FAILED with its last lines, and with what undoes what it has done */
export async function runOneOff(service: string, run: Execution, task: Task | undefined): Promise<void> {
  if (run.noted) run.noted.migrated = true;
  const { exitCode, tail } = await runCompose(run, task, ['run', '--rm', '--no-deps', '--no-TTY', '--quiet-pull', service]);
  if (exitCode === 0) return;
  const lines = tail.slice(-8).map((line) => `\n    ${line}`);
  const point = run.noted?.restorePoint;
  throw new UserError(
    'HOOK_FAILED',
    `${service} ended with status ${exitCode}${point ? `; what it has done until then stays in the database, and ${point} was made before` : ''}${lines.join('')}`,
    point
      ? `correct it and deploy again; what it has done is undone by \`medianest restore ${point} --only db\`, and with it all that was written since`
      : 'correct it and deploy again; what runs was not touched',
  );
}

import type { Execution } from '../../capability/capability.ts';
import type { Task } from '../../core/reporter.ts';
import { compose, composeUp } from '../compose-project.ts';

/** Images are there already, built or pulled by steps of their own. */
export const UP = ['up', '--detach', '--no-build', '--pull', 'never'];

/** A new container, or a restart of the one that is there, and its health. */
export async function renew(
  { service, by, waitSeconds }: { service: string; by: 'recreate' | 'restart'; waitSeconds: number },
  run: Execution,
  task: Task | undefined,
): Promise<void> {
  if (by === 'restart') await compose(run, task, ['restart', service]);
  const how = by === 'restart' ? ['--no-recreate'] : ['--force-recreate'];
  const wait = ['--wait', '--wait-timeout', String(waitSeconds)];
  return composeUp(run, task, [...UP, '--no-deps', ...how, ...wait, service], waitSeconds, [service]);
}

import type { Context, Execution } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { execute } from '../project/execute.ts';
import { planProject } from '../reconcile/plan-project.ts';
import type { Loaded } from '../settings/loaded.ts';
import { deployedOf } from './plan/deploy.ts';
import type { Release } from './plan/releases.ts';

/** Back to the release that served before: what differs from it is exactly what this deploy has replaced. */
export async function goBack(
  context: Context,
  loaded: Loaded,
  run: Execution,
  cause: UserError,
  previous: Release | undefined,
): Promise<void> {
  context.report.warn(`${cause.message}\n  going back to ${previous?.id ?? 'the version before'}`);
  try {
    const back = await planProject(context, loaded, run.engine, { only: deployedOf(loaded.settings), deploying: true });
    await execute(back.steps, { ...run, prepared: { ...run.prepared, secrets: back.prepared.secrets }, lives: new Map() });
  } catch (error) {
    if (error instanceof UserError && error.code === 'INTERRUPTED') throw stopped(error, 'this release', previous);
    throw new UserError(
      'PARTIAL',
      `the deploy failed (${cause.message}), and going back did too: ${(error as Error).message}`,
      '`medianest up` resumes the rollback; `medianest status` shows which replicas serve',
      { cause: error },
    );
  }
}

export const stopped = (error: unknown, release: string, previous: Release | undefined): unknown =>
  error instanceof UserError
    ? new UserError(
        error.code,
        `${error.message}; the deploy of ${release} is incomplete, and every replica behind the balancer serves`,
        `\`medianest deploy\` begins it again, \`medianest up\` goes back to ${previous?.id ?? 'the version before'}`,
      )
    : error;

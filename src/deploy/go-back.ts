import type { Context, Execution } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { execute } from '../project/execute.ts';
import { planProject } from '../reconcile/plan-project.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Stack } from '../stack/types.ts';
import { deployedOf } from './plan/deploy.ts';
import type { Release } from './plan/releases.ts';
import { replicasOf, switchSteps, untested } from './plan/strategy.ts';

/**
 * Back to the release that served before: what differs from it is exactly what this deploy has replaced. Where all of its replicas
 * run and were switched from, they are switched to first.
 * @param stack with what served before @param attempted with what was deployed
 */
export async function goBack(
  context: Context,
  loaded: Loaded,
  run: Execution,
  { cause, previous, stack, attempted }: { cause: UserError; previous: Release | undefined; stack: Stack; attempted: Stack },
): Promise<void> {
  context.report.warn(`${cause.message}\n  going back to ${previous?.id ?? 'the version before'}`);
  try {
    const [former, fresh] = [replicasOf(stack), replicasOf(attempted)];
    const beside = !former.some(({ name }) => fresh.some((replica) => replica.name === name));
    const drained = run.prepared.state.drained();
    if (beside && former.every(({ name }) => drained.includes(name)))
      await execute(switchSteps(fresh, former, 'the release before serves again'), run);
    const back = await planProject(context, loaded, run.engine, { only: deployedOf(loaded.settings), deploying: true });
    await execute(back.steps.map(untested), { ...run, prepared: { ...run.prepared, secrets: back.prepared.secrets }, lives: new Map() });
  } catch (error) {
    if (error instanceof UserError && error.code === 'INTERRUPTED')
      throw stopped(error, 'this release', previous, replicasOf(attempted)[0]?.rolling.strategy);
    throw new UserError(
      'PARTIAL',
      `the deploy failed (${cause.message}), and going back did too: ${(error as Error).message}`,
      '`medianest up` resumes the rollback; `medianest status` shows which replicas serve',
      { cause: error },
    );
  }
}

/** What an interrupted deploy leaves. */
export const stopped = (error: unknown, release: string, previous: Release | undefined, strategy?: string): unknown =>
  error instanceof UserError
    ? new UserError(
        error.code,
        `${error.message}; the deploy of ${release} is incomplete, and ${strategy === 'recreate' ? 'replicas may be stopped' : 'every replica behind the balancer serves'}`,
        `\`medianest deploy\` begins it again, \`medianest up\` goes back to ${previous?.id ?? 'the version before'}`,
      )
    : error;

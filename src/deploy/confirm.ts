import type { Context, Execution, Project } from '../capability/capability.ts';
import { execute } from '../project/execute.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import { endKept, type Kept, keptRelease } from '../state/kept.ts';
import { isDue } from './plan/schedule.ts';
import { keptSteps } from './plan/strategy.ts';

export interface ConfirmOutcome {
  /** The release that was kept until now; null where none was. */
  gaveUp: string | null;
  removed: string[];
}

const NONE: ConfirmOutcome = { gaveUp: null, removed: [] };

/** The release that serves is to stay: the replicas of the one before are removed. @param due only if their time has passed (`app.keepSeconds`) */
export async function confirmRelease(context: Context, { loaded, state }: Project, due = false): Promise<ConfirmOutcome> {
  // What has passed its time is still there until something removes it.
  const kept = keptRelease(state, new Date(0));
  if (due && !(kept && isDue(kept.until, context.clock.now().getTime()))) return NONE;
  requireManifest(state);
  const engine = await context.engine();
  const { project } = loaded.settings;
  const steps = async (of: Kept) => {
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const serving = requireManifest(state).services.map(({ name }) => name);
    return keptSteps(
      of,
      containers.map(({ service }) => service),
      serving,
    );
  };
  const outcomeOf = ({ release }: Kept, planned: Awaited<ReturnType<typeof steps>>): ConfirmOutcome => ({
    gaveUp: release,
    removed: planned.flatMap(({ services }) => services),
  });
  if (!kept) return NONE;
  if (context.flags.dryRun) return outcomeOf(kept, await steps(kept));
  return withLock(context, state, 'deploy --confirm', async (lock, record) => {
    // Another command may have kept another one since.
    const still = keptRelease(state, new Date(0));
    if (still?.release !== kept.release) return NONE;
    const planned = await steps(still);
    record(planned);
    const prepared = { state, secrets: emptySecrets, project };
    const run: Execution = { context, prepared, engine, docker: await context.docker(), lock };
    await execute(planned, run);
    // Last, so that a job comes back to what could not be removed.
    endKept(state);
    return outcomeOf(still, planned);
  });
}

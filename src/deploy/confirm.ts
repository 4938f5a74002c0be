import type { Context, Execution, Project } from '../capability/capability.ts';
import { execute } from '../project/execute.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { planProject } from '../reconcile/plan-project.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import { endKept, keptRelease, noteKept } from '../state/kept.ts';
import { deployedOf } from './plan/deploy.ts';
import { isDue } from './plan/schedule.ts';
import { settlingSteps } from './plan/strategy.ts';

export interface ConfirmOutcome {
  /** The release that was kept until now; null where none was. */
  gaveUp: string | null;
  removed: string[];
}

/** The release that serves is to stay: the replicas of the one before are removed. @param due only if their time has passed (`app.keepSeconds`) */
export async function confirmRelease(context: Context, { loaded, state }: Project, due = false): Promise<ConfirmOutcome> {
  // What has passed its time is still there until something removes it.
  const kept = keptRelease(state, new Date(0));
  if (due && !(kept && isDue(kept.until, context.clock.now().getTime()))) return { gaveUp: null, removed: [] };
  const manifest = requireManifest(state);
  const engine = await context.engine();
  const isKept = (service: string) =>
    kept?.replicas.some((replica) => replica.service === service) && !manifest.services.some(({ name }) => name === service);
  const removed = (await engine.observe(loaded.settings.project)).map(({ service }) => service).filter(isKept);
  const outcome = { gaveUp: kept?.release ?? null, removed };
  if (!kept || context.flags.dryRun) return outcome;
  return withLock(context, state, 'deploy --confirm', async (lock, record) => {
    // Another command may have kept another one since.
    if (due && keptRelease(state, new Date(0))?.release !== kept.release) return { gaveUp: null, removed: [] };
    record(removed);
    endKept(state);
    try {
      const { steps, prepared } = await planProject(context, loaded, engine, { only: deployedOf(loaded.settings), deploying: true });
      const secrets = prepared.secrets ?? emptySecrets;
      const run: Execution = {
        context,
        prepared: { state, secrets, project: loaded.settings.project },
        engine,
        docker: await context.docker(),
        lock,
      };
      await execute(settlingSteps(steps), run);
    } catch (error) {
      // What still runs of it is removed by the next one: a job asks by this note alone.
      noteKept(state, kept);
      throw error;
    }
    return outcome;
  });
}

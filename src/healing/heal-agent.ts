import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { execute } from '../project/execute.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import type { Step } from '../reconcile/plan/step.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import { containersOf } from '../stack/roles.ts';
import { killed } from './plan/killed.ts';

const WAIT_SECONDS = 60;

/** What was found of the agent and its proxy, and what was done about it. */
export interface Healed {
  /** Services that a kill or a fault had ended, started again. */
  started: string[];
  /** Another command works on the stack: nothing was done. */
  busy: boolean;
}

/**
 * Starts the agent and its proxy where a kill or a fault has ended them: they start every other container, and cannot start themselves.
 * @throws UserError NOT_RUNNING where nothing was ever started; ENGINE_FAILED where they do not become healthy within a minute
 */
export async function healAgent(context: Context, { loaded, state }: Project): Promise<Healed> {
  const manifest = requireManifest(state);
  const { project } = loaded.settings;
  const engine = await context.engine();
  const look = async () => {
    const containers = containersOf(await engine.observe(project), manifest.services, 'agent');
    refuseForeign(project, containers, state.root);
    const ended = await Promise.all(
      containers.map(async ({ id, service, state: now }) => ({ service, state: now, story: await engine.story(id) })),
    );
    return killed(ended);
  };
  // Each minute: the lock, which pauses healing, is taken only where there is something to do.
  if ((await look()).length === 0) return { started: [], busy: false };
  const patient: Context = { ...context, flags: { ...context.flags, waitLock: 0 } };
  try {
    return await withLock(patient, state, 'agent heal', async (lock, record) => {
      const found = await look();
      const services = found.map(({ service }) => service);
      if (services.length === 0 || context.flags.dryRun) return { started: services, busy: false };
      const cause = found.map(({ service, story }) => `${service} ended with status ${story?.exitCode}`).join(', ');
      const steps: Step[] = [{ kind: 'compose-restart', services, waitSeconds: WAIT_SECONDS, cause }];
      record(steps);
      await execute(steps, { context, prepared: { state, secrets: emptySecrets, project }, engine, docker: await context.docker(), lock });
      return { started: services, busy: false };
    });
  } catch (error) {
    if (error instanceof UserError && error.code === 'LOCKED') return { started: [], busy: true };
    throw error;
  }
}

import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { Step } from '../plan/step.ts';
import { execute } from './execute.ts';
import { mutate } from './mutate.ts';
import { expandServices, type Opened, requireManifest } from './open.ts';
import { emptySecrets } from './secret-files.ts';
import { refuseForeign } from './survey.ts';

const WAIT_SECONDS = 180;

/** Restarts services (all when none is named) and waits until they are healthy; returns their names. */
export async function restartServices(context: Context, { loaded, state }: Opened, names: readonly string[]): Promise<string[]> {
  const manifest = requireManifest(state);
  const services = names.length > 0 ? expandServices(manifest, names) : manifest.services.map((service) => service.name);
  const project = loaded.settings.project;
  const engine = await context.engine();
  return mutate(context, state, `restart ${names.join(' ')}`.trim(), async (lock, record) => {
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const absent = services.filter((service) => !containers.some((container) => container.service === service));
    if (absent.length > 0)
      throw new UserError('NOT_RUNNING', `${absent.join(', ')} is not there to restart; nothing was changed`, 'medianest up');
    if (context.flags.dryRun) return services;
    const step: Step = { kind: 'compose-restart', services, waitSeconds: WAIT_SECONDS, cause: 'asked for' };
    record([step]);
    await execute([step], { context, prepared: { state, secrets: emptySecrets, project }, engine, docker: await context.docker(), lock });
    return services;
  });
}

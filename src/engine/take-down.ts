import type { Context } from '../context.ts';
import type { Step } from '../plan/step.ts';
import { checkCompose } from './compose.ts';
import { execute } from './execute.ts';
import { mutate } from './mutate.ts';
import type { Opened } from './open.ts';
import { emptySecrets } from './secret-files.ts';
import { refuseForeign } from './survey.ts';

/** Stops and removes a project; returns the services that were there. Never a foreign one. */
export async function takeDown(context: Context, { loaded, state }: Opened, volumes: boolean): Promise<string[]> {
  const project = loaded.settings.project;
  const engine = await context.engine();
  return mutate(context, state, `down${volumes ? ' --volumes' : ''}`, async (lock, record) => {
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const services = [...new Set(containers.map((container) => container.service))].sort();
    if (!state.manifest() || (services.length === 0 && !volumes)) return [];
    const step: Step = { kind: 'compose-down', volumes, services, cause: 'asked for' };
    if (context.flags.dryRun) return services;
    record([step]);
    const docker = await context.docker();
    await checkCompose(docker);
    await execute([step], { context, prepared: { state, secrets: emptySecrets, project }, engine, docker, lock });
    return services;
  });
}

import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { leadersOf, memberStates } from '../members/agent-cli.ts';
import { execute } from '../project/execute.ts';
import { expandServices, requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import type { Manifest } from '../stack/manifest.ts';
import type { Rolling } from '../stack/types.ts';
import { composeOf } from './own-volume.ts';
import { renderedVolumes } from './plan/change.ts';
import { oneByOne } from './plan/members.ts';
import { idleFirst, inReleaseOrder } from './plan/replicas.ts';
import type { Step } from './plan/step.ts';
import { renderedOwnerSteps } from './plan/volume-owners.ts';
import { refuseForeign, refuseForeignStackVolumes } from './refuse-foreign.ts';
import { servingReplicas } from './roll.ts';

const WAIT_SECONDS = 180;

/** Members and replicas behind a running balancer one at a time, everything else at once before them. */
function restartSteps(
  manifest: Manifest,
  names: readonly string[],
  containers: readonly ObservedContainer[],
  leaders: readonly string[],
  serving: readonly string[] | undefined,
): Step[] {
  const running = (name: string) => containers.some((entry) => entry.service === name && entry.state === 'running');
  const chosen = manifest.services.filter(({ name }) => names.includes(name));
  const rolled = idleFirst(
    chosen.filter(({ name, rolling }) => rolling && running(rolling.balancer) && running(name)),
    serving,
  );
  const drained = chosen.filter(({ name, process }) => process?.drains && running(name));
  const members = oneByOne(chosen, manifest.services, containers, leaders);
  const behind = (own: Manifest['services'][number]) =>
    manifest.services.filter(({ component, rolling }) => component === own.component && rolling?.balancer === own.rolling?.balancer).length;
  const alone = new Set([...rolled, ...drained, ...members].map(({ name }) => name));
  const rest = chosen.filter(({ name }) => !alone.has(name)).map(({ name }) => name);
  const common = { waitSeconds: WAIT_SECONDS, cause: 'asked for' };
  return [
    ...(rest.length > 0 ? [{ kind: 'compose-restart', services: rest, ...common } satisfies Step] : []),
    ...members.map(({ name, member }): Step => ({ kind: 'replace-member', service: name, member, by: 'restart', ...common })),
    ...inReleaseOrder([...rolled, ...drained]).map((service): Step => {
      const { name, rolling, process } = service;
      if (process?.drains) return { kind: 'replace-worker', service: name, drains: process.drains, by: 'restart', ...common };
      return { kind: 'replace', service: name, rolling: rolling as Rolling, others: behind(service) - 1, by: 'restart', ...common };
    }),
  ];
}

/** Restarts services (all when none is named) and waits until they are healthy; returns their names. */
export async function restartServices(context: Context, { loaded, state }: Project, names: readonly string[]): Promise<string[]> {
  const manifest = requireManifest(state);
  const services = names.length > 0 ? expandServices(manifest, names) : manifest.services.map((service) => service.name);
  const project = loaded.settings.project;
  const engine = await context.engine();
  return withLock(context, state, `restart ${names.join(' ')}`.trim(), async (lock, record) => {
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const absent = services.filter((service) => !containers.some((container) => container.service === service));
    if (absent.length > 0)
      throw new UserError('NOT_RUNNING', `${absent.join(', ')} is not there to restart; nothing was changed`, 'medianest up');
    // Compose also starts what is not there, with the volumes that have its names.
    if (manifest.services.some(({ name }) => !containers.some((container) => container.service === name)))
      await refuseForeignStackVolumes({ project, volumes: renderedVolumes(manifest.files) }, containers, engine, manifest.addedVolumes);
    if (context.flags.dryRun) return services;
    const controller = manifest.services.find(({ name, member }) => member && services.includes(name))?.member?.controller;
    const leaders = leadersOf(await memberStates(engine, containers, controller));
    const serving = await servingReplicas(engine, containers, manifest.services.find(({ role }) => role === 'balancer')?.name);
    const owners = renderedOwnerSteps(composeOf(manifest), services, project, 'a restart sets its owner again');
    const steps = [...owners, ...restartSteps(manifest, services, containers, leaders, serving)];
    record(steps);
    await execute(steps, { context, prepared: { state, secrets: emptySecrets, project }, engine, docker: await context.docker(), lock });
    return services;
  });
}

import type { Context, Leaving, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { checkCompose } from '../docker/compose.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { execute } from '../project/execute.ts';
import { withLock } from '../project/with-lock.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import { COMPOSE_PROJECT, LABEL } from '../stack/labels.ts';
import { leavingSteps, volumesSteps } from './beside/beside.ts';
import type { Step } from './plan/step.ts';
import { mountedVolumes, refuseForeign } from './refuse-foreign.ts';

export interface Removal {
  /** The services that are there. */
  services: string[];
  /** Volumes that are deleted with it. */
  volumes: string[];
  /** What is done about them; nothing where nothing is left. */
  steps: Step[];
}

/** What `down` would do. @throws UserError where the project is foreign */
export const planDown = async (context: Context, { loaded, state }: Project, volumes: boolean): Promise<Removal> =>
  look({ context, project: { loaded, state }, engine: await context.engine() }, volumes);

/** Stops and removes a project; never a foreign one. A dry run, and one with nothing to do, leave no trace. */
export async function takeDown(context: Context, { loaded, state }: Project, volumes: boolean): Promise<Removal> {
  const project = loaded.settings.project;
  const engine = await context.engine();
  const leaving = { context, project: { loaded, state }, engine };
  const seen = await look(leaving, volumes);
  if (context.flags.dryRun || (seen.steps.length === 0 && !exists(state.root))) return seen;
  // Whose data it would delete has to be known before; a damaged `state.json` does not say.
  if (volumes) state.project();
  const command = `down${volumes ? ' --volumes' : ''}`;
  return withLock(
    context,
    state,
    command,
    async (lock, record) => {
      const removal = await look(leaving, volumes);
      if (removal.steps.length === 0) return removal;
      record(removal.steps);
      const docker = await context.docker();
      await checkCompose(docker);
      await execute(removal.steps, { context, prepared: { state, secrets: emptySecrets, project }, engine, docker, lock });
      // A name that the project had before has no data in the state folder any more.
      if (volumes && (state.project() ?? project) === project)
        for (const { data } of await context.capabilities()) await data?.deleted?.(state);
      return removal;
    },
    { takesDown: true },
  );
}

async function look(leaving: Leaving, volumes: boolean): Promise<Removal> {
  const { engine, project: opened } = leaving;
  const { state } = opened;
  const { project } = opened.loaded.settings;
  const containers = await engine.observe(project);
  refuseForeign(project, containers, state.root);
  const deleted = volumes ? await deletedVolumes(engine, project, containers) : [];
  const services = [...new Set(containers.map((container) => container.service))].sort();
  const nothing = services.length === 0 && (!volumes || !state.manifest());
  const down: Step[] = nothing ? [] : [{ kind: 'compose-down', volumes, services, cause: 'asked for' }];
  const beside = volumes ? await volumesSteps(leaving) : [];
  return { services, volumes: deleted, steps: [...down, ...(await leavingSteps(leaving)), ...beside] };
}

/**
 * Compose deletes what carries the project's name in its own label, even if medianest did not create it. What an override has
 * added before 0.5 has no label of ours: it counts as the project's while a container of it mounts it.
 * @returns the volumes that it deletes @throws UserError FOREIGN_PROJECT
 */
export async function deletedVolumes(engine: Engine, project: string, containers: readonly ObservedContainer[]): Promise<string[]> {
  const deleted = (await engine.volumes()).filter(({ labels }) => labels[COMPOSE_PROJECT] === project);
  const mounted = mountedVolumes(project, containers);
  const foreign = deleted.find(({ name, labels }) => labels[LABEL.project] !== project && !mounted.includes(name));
  if (!foreign) return deleted.map(({ name }) => name).sort();
  throw new UserError(
    'FOREIGN_PROJECT',
    `the volume ${foreign.name} of the Compose project ${project} was not made by medianest; nothing was changed`,
    'delete it yourself (docker volume rm) if it is yours, or choose another name: --project',
  );
}

import type { Context, Leaving, Project, Remnant } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import { checkCompose } from '../docker/compose.ts';
import { execute } from '../project/execute.ts';
import { withLock } from '../project/with-lock.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import { LABEL } from '../stack/labels.ts';
import type { StateFolder } from '../state/state.ts';
import { deletedVolumes } from './down.ts';
import { type Installation, ownNames, planUninstall, type Removal } from './plan/uninstall.ts';
import { refuseForeign } from './refuse-foreign.ts';

/** What `down --volumes` leaves of a project, besides its state folder. */
export async function remnantsOf(leaving: Leaving): Promise<Remnant[]> {
  const parts = await Promise.all((await leaving.context.capabilities()).map(({ data }) => data?.remains?.(leaving)));
  return parts.flatMap((part) => part ?? []);
}

/** @throws UserError where the project is foreign, or nothing here says that it is ours */
export async function lookAtInstallation(context: Context, { loaded, state }: Project): Promise<Installation> {
  const { project } = loaded.settings;
  const engine = await context.engine();
  const containers = await engine.observe(project);
  refuseForeign(project, containers, state.root);
  const deleted = await deletedVolumes(engine, project, containers);
  const [owned, volumes, remnants] = await Promise.all([
    engine.owned(),
    engine.volumes(),
    remnantsOf({ context, project: { loaded, state }, engine }),
  ]);
  const known = new Set(containers.map(({ name }) => name));
  const isOwn = (entry: { project: string }) => entry.project === project;
  const seen: Installation = {
    services: [...new Set(containers.map(({ service }) => service))].sort(),
    strays: owned.containers.filter((entry) => isOwn(entry) && !known.has(entry.name)).map(({ name }) => name),
    networks: owned.networks.filter(isOwn).map(({ name }) => name),
    volumes: volumes
      .filter(({ name, labels }) => (labels[LABEL.project] === project && labels[LABEL.preview] === undefined) || deleted.includes(name))
      .map(({ name }) => name)
      .sort(),
    remnants,
    // A folder without it may be another program's.
    stateRoot: exists(state.at('state.json')) && !isFormer(state, project) ? state.root : undefined,
  };
  if (!isFormer(state, project)) refuseUnproven(project, state.project(), seen);
  return seen;
}

/** What is left of a name that the project had before: the state folder, which has another name now, stays. */
const isFormer = (state: StateFolder, project: string): boolean => state.project() !== project && state.formerly().includes(project);

/** Without containers, only the state folder says whose the rest is. @throws UserError FOREIGN_STATE */
function refuseUnproven(project: string, recorded: string | undefined, seen: Installation): void {
  if (recorded === project || (recorded === undefined && seen.services.length > 0)) return;
  const [left] = ownNames(seen);
  if (recorded === undefined && left === undefined) return;
  throw recorded === undefined
    ? new UserError(
        'FOREIGN_STATE',
        `no state folder here says that ${project} was started from it, and there is ${left}; nothing was changed`,
        'pass --state FOLDER; what is left without one is for docker volume rm and docker image rm',
      )
    : new UserError(
        'FOREIGN_STATE',
        `the state folder here is that of ${recorded}, not of ${project}; nothing was changed`,
        `medianest uninstall --project ${recorded}`,
      );
}

/** Removes everything of a project; run again, it continues. */
export async function uninstall(context: Context, project: Project, backups: boolean): Promise<Removal> {
  const { loaded, state } = project;
  const engine = await context.engine();
  const first = planUninstall(await lookAtInstallation(context, project), backups);
  if (context.flags.dryRun || first.steps.length === 0) return first;
  const docker = await context.docker();
  const run = { context, prepared: { state, secrets: emptySecrets, project: loaded.settings.project }, engine, docker };
  const removal = await withLock(
    context,
    state,
    'uninstall',
    async (lock, record) => {
      const now = planUninstall(await lookAtInstallation(context, project), backups);
      record(now.steps);
      await checkCompose(docker);
      await execute(
        now.steps.filter(({ kind }) => kind !== 'remove-state'),
        { ...run, lock },
      );
      return now;
    },
    { takesDown: true },
  );
  // The lock is in the folder: it is free by now.
  const last = removal.steps.filter(({ kind }) => kind === 'remove-state');
  await execute(last, { ...run, lock: { noteChild: () => undefined, release: () => undefined } });
  return removal;
}

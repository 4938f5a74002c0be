import type { Execution, Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { readOptional, writeAtomic } from '../core/files.ts';
import type { JsonObject } from '../core/json.ts';
import { composeArgs, type DockerCli } from '../docker/compose.ts';
import { volumeArgs } from '../docker/mount-args.ts';
import { ownerArgv } from '../docker/plan/own.ts';
import { createVolume } from '../docker/volume.ts';
import { COMPOSE_PROJECT, COMPOSE_VOLUME, LABEL, volumeName } from '../stack/labels.ts';
import type { Manifest } from '../stack/manifest.ts';
import { COMPOSE_FILE } from '../stack/render.ts';
import { containersOf } from '../stack/roles.ts';
import { asRoot } from '../state/owned.ts';
import type { StateFolder } from '../state/state.ts';
import { composeFiles } from './compose-project.ts';
import { composeServices } from './plan/change.ts';
import type { ReconcileSteps } from './plan/step.ts';
import { type ComposedVolumes, renderedVolumesOf, unwritableCheck, type VolumeOwners, writableVolumes } from './plan/volume-owners.ts';

const FILE = 'volume-owners.json';

export const readVolumeOwners = (state: StateFolder): VolumeOwners =>
  state.readJson<VolumeOwners>(
    FILE,
    'owners of volumes are set again',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ) ?? {};

/** The services of the Compose file that was rendered last. */
export const composeOf = (manifest: Manifest): Record<string, JsonObject> =>
  composeServices(manifest.files.find(({ path }) => path === COMPOSE_FILE)?.contents);

type Given = ReconcileSteps['own-volume'];

/**
 * Makes volumes as Compose would, with driver and options of the operator's override, and gives all of each to its user: one container
 * for all of a user. One that the override takes from elsewhere (`external`) is the operator's: it stays as it is.
 * @throws UserError STATE_UNWRITABLE, COMPOSE_REFUSED; nothing was started
 */
export async function ownVolumes(steps: readonly Given[], run: Execution): Promise<void> {
  const composed = await composedVolumes(run);
  const groups = new Map<string, Given[]>();
  for (const step of steps) {
    const key = `${step.uid}:${step.gid} ${step.image}`;
    if (!composed[step.volume]?.external) groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  for (const group of groups.values()) await ownOf(group, composed, run);
}

async function ownOf(group: readonly Given[], composed: ComposedVolumes, run: Execution): Promise<void> {
  const { docker, engine } = run;
  const { uid, gid, image } = group[0] as Given;
  const names = group.map(({ volume, project }) => composed[volume]?.name ?? volumeName(project, volume));
  const made = async () => new Map((await engine.volumes()).map(({ name, createdAt }) => [name, createdAt]));
  const before = await made();
  const make = async ({ volume, project }: Given, index: number) => {
    const name = names[index] as string;
    if (before.has(name)) return;
    const { driver, driver_opts: options } = composed[volume] ?? {};
    // Without Compose's own labels, Compose would warn of it each time.
    const labels = { [LABEL.project]: project, [COMPOSE_PROJECT]: project, [COMPOSE_VOLUME]: volume };
    await createVolume(name, labels, docker, { driver, options });
  };
  await Promise.all(group.map(make));
  const { state, project } = run.prepared;
  const isEmpty = ({ volume }: Given, index: number) =>
    !before.has(names[index] as string) && !composed[volume]?.driver && !composed[volume]?.driver_opts;
  // An engine that does not take that gives them as it gives others.
  const given =
    group.every(isEmpty) &&
    (await engine.giveNewVolumes(names, { uid, gid, image, project, stateFolder: state.root }).then(
      () => true,
      () => false,
    ));
  if (!given) await giveAll({ names, uid, gid, image }, docker);
  const after = await made();
  const entries = group.map(({ volume }, index) => [volume, { owner: `${uid}:${gid}`, createdAt: after.get(names[index] as string) }]);
  writeAtomic(state.at(FILE), `${JSON.stringify({ ...readVolumeOwners(state), ...Object.fromEntries(entries) }, null, 1)}\n`);
}

/** Gives volumes to a user with all that is in them. @throws UserError STATE_UNWRITABLE */
async function giveAll(
  { names, uid, gid, image }: { names: readonly string[]; uid: number; gid: number; image: string },
  docker: DockerCli,
): Promise<void> {
  const folders = names.map((_, index) => `/volumes/${index}`);
  const mount = names.flatMap((name, index) => volumeArgs(name, folders[index] as string));
  const { exitCode, tail } = await asRoot(ownerArgv(folders, uid, gid), { mount, image }, docker);
  if (exitCode !== 0)
    throw new UserError(
      'STATE_UNWRITABLE',
      `${names.length > 1 ? 'the volumes' : 'the volume'} ${names.join(', ')} could not be given to user ${uid}:${gid}: ${tail.at(-1) ?? 'no answer'}`,
      'correct what it names (a full disk, the engine), and run the same command again',
    );
}

/** The volumes as Compose reads them of all files together. It is asked where the operator has a part in them: that takes a while. */
async function composedVolumes({ docker, prepared: { project, state } }: Execution): Promise<ComposedVolumes> {
  const files = composeFiles(state);
  const rendered = files.length === 1 ? renderedVolumesOf(readOptional(state.composeFile) ?? '') : undefined;
  if (rendered) return rendered;
  const { exitCode, stdout, tail } = await docker.run(composeArgs(project, state.root, files, 'config', '--format', 'json'));
  if (exitCode !== 0)
    throw new UserError(
      'COMPOSE_REFUSED',
      `docker compose config: ${tail.join(' | ')}; nothing was changed`,
      `correct ${state.overrideFile}`,
    );
  return (JSON.parse(stdout) as { volumes?: ComposedVolumes }).volumes ?? {};
}

/** Whether the application can write to its volumes: a replica of each process that runs is asked, and an image without `test` does not say. */
export async function volumeChecks({ engine, manifest, containers }: Seen): Promise<Check[]> {
  if (!manifest) return [];
  const running = containersOf(containers, manifest.services, 'application').filter(({ state }) => state === 'running');
  const firsts = running.filter(({ component }, index) => running.findIndex((other) => other.component === component) === index);
  const composed = composeOf(manifest);
  const asked = firsts.flatMap(({ id, service }) => {
    const { volumes, user } = composed[service] ?? {};
    return writableVolumes(volumes).map((volume) => ({ id, user: String(user), ...volume }));
  });
  const once = asked.filter(({ source }, index) => asked.findIndex((other) => other.source === source) === index);
  const checks = await Promise.all(
    once.map(async ({ id, user, source, target }) => {
      const tried = await engine.exec(id, ['test', '-w', target]).catch(() => undefined);
      return unwritableCheck(source, user, tried?.exitCode);
    }),
  );
  return checks.filter((check) => check !== undefined);
}

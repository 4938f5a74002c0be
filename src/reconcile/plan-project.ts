import type { Context } from '../capability/capability.ts';
import { installedSerial } from '../certificates/store/install.ts';
import { UserError } from '../core/errors.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { isTaken, processOn } from '../host/ports.ts';
import { leadersOf, memberStates } from '../members/agent-cli.ts';
import { placement, unplacedServices } from '../secrets/store/secret-files.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Manifest } from '../stack/manifest.ts';
import type { Overrides } from '../stack/overrides.ts';
import { COMPOSE_FILE } from '../stack/render.ts';
import type { Stack } from '../stack/types.ts';
import { findMends } from '../state/mend.ts';
import type { StateFolder } from '../state/state.ts';
import { checkMedia } from './media-check.ts';
import { readVolumeOwners } from './own-volume.ts';
import { composeServices } from './plan/change.ts';
import type { UpFacts } from './plan/facts.ts';
import { abandonedVolumes, leftBehind, renamedAway, renameRefusal } from './plan/left-data.ts';
import { planUp, type UpPlan } from './plan/up.ts';
import { preflight } from './preflight.ts';
import { type Prepared, prepare } from './prepare.ts';
import { refuseGuests } from './ranges/refuse-guests.ts';
import { refuseForeign, refuseForeignStackVolumes } from './refuse-foreign.ts';
import { servingReplicas } from './roll.ts';

/** How long `up` waits for a container to become healthy. */
const WAIT_SECONDS = 180;

/** What a command wants of a plan. */
export interface Asked {
  /** How long to wait until containers are healthy. */
  waitSeconds?: number | undefined;
  /** Changes the overrides. */
  overrides?: ((overrides: Overrides) => Overrides) | undefined;
  /** Components to touch; all where undefined. */
  only?: readonly string[] | undefined;
  deploying?: boolean;
  /** Networks that are there may be replaced by isolated ones: `up` alone stops all that is in them for that. */
  replaceNetworks?: boolean | undefined;
  /** Generated secrets that are to get a new value. */
  renew?: readonly string[] | undefined;
  /** The project may begin without the data that it had under another name. */
  newData?: boolean | undefined;
}

export interface ProjectPlan extends UpPlan {
  prepared: Prepared;
  /** Volumes, without the project's name, that nothing reads any more after this. */
  leftBehind: string[];
}

/**
 * One read of the engine and the state folder, compared with the stack. Only where a container will be created is more
 * asked: images, others' volumes, ports.
 */
export async function planProject(context: Context, loaded: Loaded, engine: Engine, asked: Asked = {}): Promise<ProjectPlan> {
  const project = loaded.settings.project;
  const containers = await engine.observe(project);
  const prepared = await prepare(context, loaded, {
    engine,
    running: containers.length > 0,
    overrides: asked.overrides,
    renew: asked.renew,
    replaceNetworks: asked.replaceNetworks,
  });
  const { state, stack, rendered, secrets } = prepared;
  refuseForeign(project, containers, state.root);
  if (!asked.newData) await refuseRenamed(project, state, engine);
  const manifest = state.manifest();
  const edited = manifest ? state.edited(manifest) : [];
  const touched = stack.services.filter(({ component }) => !asked.only || asked.only.includes(component));
  const facts: UpFacts = {
    containers,
    // As they stand on disk: what an operator edited is a change to plan.
    files: (manifest?.files ?? []).flatMap((file) => {
      const edit = edited.find((entry) => entry.path === file.path);
      const contents = edit ? edit.actual : file.contents;
      return contents === undefined ? [] : [{ path: file.path, contents }];
    }),
    missingImages: [],
    changedSecrets: secrets.changed,
    unplaced: unplacedServices(state, stack.services, secrets.fingerprints),
    mends: findMends(state, touched),
    volumeOwners: readVolumeOwners(state),
    dueCertificates: prepared.dueCertificates,
    liveConfigs: Object.fromEntries(Object.keys(rendered.configs).map((name) => [name, state.liveConfig(name)])),
    applied: Object.fromEntries(stack.services.map(({ name }) => [name, state.applied(name)])),
    installed: Object.fromEntries(stack.certificates.map(({ name }) => [name, installedSerial(state, name)])),
    stateFolder: state.root,
    gathered: prepared.gathered,
    subnetsChanged: prepared.subnetsChanged,
    subnets: prepared.subnets,
    isolated: prepared.isolated,
    newOverrides: prepared.newOverrides,
    placements: Object.fromEntries(
      stack.services
        .filter(({ reloadsSecrets, secrets: read }) => reloadsSecrets && read.length > 0)
        .map((service) => [service.name, placement(service, secrets.fingerprints)]),
    ),
    leaders: [],
    drained: state.drained(),
    only: asked.only,
    deploying: asked.deploying === true,
    waitSeconds: asked.waitSeconds ?? WAIT_SECONDS,
  };
  const first = planUp(stack, rendered, facts);
  const left = asked.only ? [] : await findLeftBehind(prepared, manifest?.files ?? [], engine);
  const starting = first.changes.filter(({ action }) => action === 'create' || action === 'recreate' || action === 'start');
  if (starting.length === 0) return { ...first, prepared, leftBehind: left };
  if (containers.length > 0) await refuseGuests(stack, composeText(facts.files), composeText(rendered.files), engine);
  await refuseForeignNetworks(stack, containers, engine);
  await refuseForeignStackVolumes(stack, containers, engine);
  const names = new Set(starting.map((change) => change.service));
  const services = stack.services.filter((service) => names.has(service.name));
  await checkMedia(services);
  await preflight(context, stack, names, containers, engine);
  for (const { up } of await context.capabilities()) await up?.beforeStart?.(services, { loaded, state }, context);
  await refuseTakenPorts(stack, names, containers, engine);
  const refs = stack.images
    .filter((image) => stack.services.some((service) => names.has(service.name) && uses(service.image, image.ref)))
    .map((image) => image.ref);
  const recreated = services.find(
    ({ name, member }) => member && first.changes.some((change) => change.service === name && change.action === 'recreate'),
  );
  const volumesMade = Object.fromEntries((await engine.volumes()).map(({ name, createdAt }) => [name, createdAt]));
  const leaders = leadersOf(await memberStates(engine, containers, recreated?.member?.controller));
  const serving = await servingReplicas(engine, containers, services.find(({ rolling }) => rolling)?.rolling?.balancer);
  return {
    ...planUp(stack, rendered, {
      ...facts,
      leaders,
      serving,
      volumesMade,
      missingImages: await neededImages(stack, await engine.missingImages(refs)),
    }),
    prepared,
    leftBehind: left,
  };
}

/** @throws UserError FOREIGN_STATE where the project has data under the name that it had before */
async function refuseRenamed(project: string, state: StateFolder, engine: Engine): Promise<void> {
  const recorded = state.project();
  if (recorded === undefined || recorded === project) return;
  const volumes = renamedAway(recorded, project, await engine.volumes());
  if (volumes.length > 0) throw renameRefusal(recorded, project, state.root, volumes);
}

/** The engine is asked only where the new Compose file lacks a volume of the last one. */
async function findLeftBehind({ stack, rendered }: Prepared, before: Manifest['files'], engine: Engine): Promise<string[]> {
  const text = composeText(before);
  if (text === composeText(rendered.files)) return [];
  const abandoned = abandonedVolumes(composeServices(text), stack);
  return abandoned.length === 0 ? [] : leftBehind(abandoned, stack.project, await engine.volumes());
}

const composeText = (files: readonly { path: string; contents: string }[]): string | undefined =>
  files.find(({ path }) => path === COMPOSE_FILE)?.contents;

const uses = (image: Stack['images'][number], ref: string): boolean =>
  image.ref === ref || (image.build?.after ? uses(image.build.after, ref) : false);

/** A parent image matters only while something that is built upon it is missing. */
async function neededImages(stack: Stack, missing: readonly string[]): Promise<string[]> {
  const direct = new Set(stack.services.map((service) => service.image.ref));
  return missing.filter(
    (ref) => direct.has(ref) || stack.images.some((image) => missing.includes(image.ref) && image.build?.after?.ref === ref),
  );
}

/** If no container is left, a network of the same name may still be another project's. */
async function refuseForeignNetworks(stack: Stack, containers: readonly ObservedContainer[], engine: Engine): Promise<void> {
  if (containers.length > 0) return;
  const names = new Set(stack.networks.map(({ name }) => `${stack.project}_${name}`));
  const network = (await engine.networks()).find(
    (entry) => !entry.ours && (entry.composeProject === stack.project || names.has(entry.name)),
  );
  if (!network) return;
  throw new UserError(
    'FOREIGN_PROJECT',
    `the network ${network.name} is here already, and medianest did not make it; nothing was changed`,
    'choose another name: --project, or `project:` in medianest.yml',
  );
}

async function refuseTakenPorts(
  stack: Stack,
  starting: ReadonlySet<string>,
  containers: readonly ObservedContainer[],
  engine: Engine,
): Promise<void> {
  const ours = new Set(
    containers.filter((container) => container.state === 'running').flatMap((container) => container.ports.map((port) => port.host)),
  );
  for (const service of stack.services.filter((entry) => starting.has(entry.name))) {
    for (const port of service.ports) {
      if (ours.has(port.host) || !(await isTaken(port.address, port.host))) continue;
      const owner = (await engine.portOwner(port.host)) ?? processOn(port.host) ?? 'another program (run as root to see which)';
      throw new UserError(
        'PORT_TAKEN',
        `port ${port.host} on ${port.address} is already in use by ${owner}; nothing was changed`,
        `stop it, or choose another port: \`${port.setting}: ${port.host > 64000 ? port.host - 1000 : port.host + 1000}\` in medianest.yml`,
      );
    }
  }
}

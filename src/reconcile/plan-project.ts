import type { Context } from '../capability/capability.ts';
import { installedSerial } from '../certificates/store/install.ts';
import { UserError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { PublishedPort } from '../docker/plan/held-ports.ts';
import { readOnce } from '../docker/read-once.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { leadersOf, memberStates } from '../members/agent-cli.ts';
import { placement, unplacedServices } from '../secrets/store/secret-files.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Manifest } from '../stack/manifest.ts';
import type { Added } from '../stack/override/added.ts';
import type { Overrides } from '../stack/overrides.ts';
import { COMPOSE_FILE } from '../stack/render.ts';
import type { Stack } from '../stack/types.ts';
import { keptRelease } from '../state/kept.ts';
import { launchProgramDue } from '../state/launch-program.ts';
import { findMends } from '../state/mend.ts';
import { besides, withBeside } from './beside/beside.ts';
import { refuseTakenPorts } from './beside/taken-ports.ts';
import { decideCarry } from './carry/decide.ts';
import { checkMedia } from './media-check.ts';
import { composeOf, readVolumeOwners } from './own-volume.ts';
import { composeServices } from './plan/change.ts';
import type { UpFacts } from './plan/facts.ts';
import { absenceBy, fetchSteps, neededImages, uses, withSteps } from './plan/images.ts';
import { planKeeping } from './plan/kept.ts';
import { abandonedVolumes, addedLeftBehind, leftBehind } from './plan/left-data.ts';
import { refuseHalfFlip } from './plan/replicas.ts';
import type { UpPlan } from './plan/up.ts';
import { preflight } from './preflight.ts';
import { type Prepared, prepare } from './prepare.ts';
import { networkName } from './ranges/isolation.ts';
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
  /** Services whose containers will be gone by then. */
  without?: readonly string[] | undefined;
  /** Networks that are there may be replaced by isolated ones: `up` alone stops all that is in them for that. */
  replaceNetworks?: boolean | undefined;
  /** Files of other components stay as they were edited by hand. */
  keepEdits?: true | undefined;
  /** Generated secrets that are to get a new value. */
  renew?: readonly string[] | undefined;
  /** The project may begin without the data that it had under another name. */
  newData?: boolean | undefined;
  /** Data of another name, or of another kind of database, comes along. */
  carryData?: boolean | undefined;
  /** Networks that are not made yet get other ranges where another network has theirs. */
  rangeLost?: boolean | undefined;
  /** Images that services are left out for are to be pulled. */
  fetch?: boolean | undefined;
  /** Called before the plan is made where the project has no container: there will be something to start. */
  fromNothing?: (() => void) | undefined;
}

export interface ProjectPlan extends UpPlan {
  prepared: Prepared;
  /** Volumes, without the project's name, that nothing reads any more after this. */
  leftBehind: string[];
  /** Volumes, without the project's name, whose data comes along. */
  carried: string[];
}

/**
 * One read of the engine and the state folder, compared with the stack. Only where a container will be created is more
 * asked: images, others' volumes, ports.
 */
export async function planProject(context: Context, loaded: Loaded, asks: Engine, asked: Asked = {}): Promise<ProjectPlan> {
  const engine = readOnce(asks);
  const project = loaded.settings.project;
  const containers = await engine.observe(project);
  if (containers.length === 0) asked.fromNothing?.();
  const prepared = await prepare(context, loaded, {
    engine,
    running: containers.length > 0,
    ...(asked.rangeLost && { lost: true }),
    overrides: asked.overrides,
    renew: asked.renew,
    replaceNetworks: asked.replaceNetworks,
    ...absenceBy(asked.only, { engine, containers }),
  });
  const { state, stack, rendered, secrets } = prepared;
  if (rendered.refused) throw rendered.refused;
  refuseForeign(project, containers, state.root);
  // A deploy has a refusal of its own, which knows the version.
  if (!asked.deploying) refuseHalfFlip(stack.services, containers, asked.only);
  const manifest = state.manifest();
  const carry = await decideCarry(prepared, containers, manifest, engine, asked);
  const stopped = carry?.database?.stop ?? [];
  const edited = manifest ? state.edited(manifest) : [];
  const touched = stack.services.filter(({ component }) => !asked.only || asked.only.includes(component));
  const facts: UpFacts = {
    containers: containers.filter(({ service }) => !stopped.includes(service) && !asked.without?.includes(service)),
    carry,
    // As they stand on disk: what an operator edited is a change to plan.
    files: (manifest?.files ?? []).flatMap((file) => {
      const edit = edited.find((entry) => entry.path === file.path);
      const contents = edit ? edit.actual : file.contents;
      return contents === undefined ? [] : [{ path: file.path, contents }];
    }),
    missingImages: [],
    changedSecrets: secrets.changed,
    unplaced: unplacedServices(state, stack.services, secrets.fingerprints),
    launchDue: launchProgramDue(state, touched, context.home),
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
    reach: prepared.reach,
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
    keepEdits: asked.keepEdits === true,
    waitSeconds: asked.waitSeconds ?? WAIT_SECONDS,
  };
  // A deploy removes what an earlier one has kept.
  const kept = (asked.deploying ? undefined : keptRelease(state, context.clock.now()))?.replicas.map(({ service }) => service) ?? [];
  const fetching = fetchSteps(stack, asked.fetch === true);
  // All of it is judged before anything of it is pulled.
  if (fetching.length > 0) await preflight(context, prepared.whole, new Set(), containers, engine, stack.leftOut);
  const beside = await besides({ context, project: { loaded, state }, engine, stack, only: asked.only });
  const first = withBeside(withSteps(fetching, planKeeping(stack, rendered, facts, kept)), beside);
  const carried = carry?.carried ?? [];
  if (asked.carryData && carried.length === 0)
    context.report.note('--carry-data: no data has to come along, because the stack reads the same volumes as at the last `up`');
  const left = asked.only ? [] : (await findLeftBehind(prepared, manifest, engine)).filter((name) => !carried.includes(name));
  const starting = first.changes.filter(({ action }) => action === 'create' || action === 'recreate' || action === 'start');
  if (starting.length === 0) return { ...first, prepared, leftBehind: left, carried };
  if (containers.length > 0) await refuseGuests(stack, composeText(facts.files), composeText(rendered.files), engine);
  await refuseForeignNetworks(stack, containers, engine);
  await refuseForeignStackVolumes(stack, containers, engine, rendered.added.volumes);
  const names = new Set(starting.map((change) => change.service));
  const services = stack.services.filter((service) => names.has(service.name));
  await checkMedia(services);
  if (fetching.length === 0) await preflight(context, stack, names, containers, engine);
  for (const { up } of await context.capabilities()) await up?.beforeStart?.(services, { loaded, state }, context);
  await refuseTakenPorts(stack, names, { containers, published: publishedPorts(manifest), freed: beside.frees, engine });
  const refs = stack.images
    .filter((image) => stack.services.some((service) => names.has(service.name) && uses(service.image, image.ref)))
    .map((image) => image.ref);
  const addedRefs = rendered.added.services.filter(({ name }) => names.has(name)).flatMap(({ image }) => image ?? []);
  const missing = await engine.missingImages([...refs, ...addedRefs]);
  refuseUnbuilt(rendered.added, missing);
  const recreated = services.find(
    ({ name, member }) => member && first.changes.some((change) => change.service === name && change.action === 'recreate'),
  );
  const volumesMade = Object.fromEntries((await engine.volumes()).map(({ name, createdAt }) => [name, createdAt]));
  const leaders = leadersOf(await memberStates(engine, containers, recreated?.member?.controller));
  const missingImages = [...neededImages(stack, missing), ...missing.filter((ref) => addedRefs.includes(ref))];
  const serving = await servingReplicas(engine, containers, services.find(({ rolling }) => rolling)?.rolling?.balancer);
  return {
    ...withBeside(
      withSteps(fetching, planKeeping(stack, rendered, { ...facts, leaders, serving, volumesMade, missingImages }, kept)),
      beside,
    ),
    prepared,
    leftBehind: left,
    carried,
  };
}

/** The engine is asked only where the new Compose file lacks a volume of the last one. */
async function findLeftBehind({ stack, rendered }: Prepared, before: Manifest | undefined, engine: Engine): Promise<string[]> {
  const was = composeText(before?.files ?? []);
  const ours = was === composeText(rendered.files) ? [] : abandonedVolumes(composeServices(was), stack);
  const added = (before?.addedVolumes ?? []).filter((name) => !rendered.added.volumes.includes(name));
  if (ours.length === 0 && added.length === 0) return [];
  const volumes = await engine.volumes();
  return [...leftBehind(ours, stack.project, volumes), ...addedLeftBehind(added, stack.project, volumes)];
}

/** @throws UserError IMAGE_MISSING where an added service would have its image built: `up` builds its own images alone */
function refuseUnbuilt({ services }: Added, missing: readonly string[]): void {
  const unbuilt = services.find(({ builds, image }) => builds && image !== undefined && missing.includes(image));
  if (!unbuilt) return;
  throw new UserError(
    'IMAGE_MISSING',
    `compose.override.yml adds ${unbuilt.name}, and the engine does not have its image ${unbuilt.image}, which \`up\` does not build; nothing was changed`,
    `build it: docker build --tag ${unbuilt.image} FOLDER; then run the same command again`,
  );
}

const composeText = (files: readonly { path: string; contents: string }[]): string | undefined =>
  files.find(({ path }) => path === COMPOSE_FILE)?.contents;

/** If no container is left, a network of the same name may still be another project's. */
async function refuseForeignNetworks(stack: Stack, containers: readonly ObservedContainer[], engine: Engine): Promise<void> {
  if (containers.length > 0) return;
  const names = new Set(stack.networks.map(({ name }) => networkName(stack.project, name)));
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

/** What the Compose file that was written last publishes. */
const publishedPorts = (manifest: Manifest | undefined): PublishedPort[] =>
  Object.entries(manifest ? composeOf(manifest) : {}).flatMap(([service, { ports }]) =>
    ((Array.isArray(ports) ? ports : []) as JsonObject[]).map(({ published, protocol }) => ({
      ...{ service, host: Number(published) },
      ...(protocol === 'udp' && { protocol }),
    })),
  );

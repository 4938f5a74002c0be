import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Context, Gathered, Project } from '../capability/capability.ts';
import { upCause } from '../certificates/plan/renewal.ts';
import { internalVerdicts } from '../certificates/store/ca-store.ts';
import { installedCertificate, installedSerial } from '../certificates/store/install.ts';
import { exists } from '../core/files.ts';
import { canonical } from '../core/hash.ts';
import { localSocket } from '../docker/address.ts';
import type { Engine } from '../docker/types.ts';
import { type ResolvedSecrets, resolveStackSecrets } from '../secrets/plan/secrets.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import { parseSettings } from '../settings/document.ts';
import type { Loaded } from '../settings/loaded.ts';
import { buildStack, portalImage, toolImage } from '../stack/build.ts';
import type { Overrides } from '../stack/overrides.ts';
import { certificateKey, render } from '../stack/render.ts';
import { chooseSubnets, type SubnetChoice, type TakenRange } from '../stack/subnets.ts';
import { type ImageSpec, NETWORKS, type NetworkName, type Rendered, type Stack } from '../stack/types.ts';
import { type StateFolder, stateFolder } from '../state/state.ts';
import { hostRoutes } from './routes.ts';
import { hashImageSource, readTemplates } from './sources.ts';

/** Everything up to the rendered files; nothing was written yet. */
export interface Prepared {
  loaded: Loaded;
  state: StateFolder;
  stack: Stack;
  rendered: Rendered;
  secrets: ResolvedSecrets;
  subnets: Record<NetworkName, string>;
  /** One line for each of its networks that had to move away from its default range; empty when they were remembered. */
  moved: string[];
  subnetsChanged: boolean;
  /** What capabilities bring into place before the services that need it start. */
  gathered: Gathered['steps'];
  dueCertificates: Record<string, string>;
  /** The overrides, if this run changes them. */
  newOverrides: Overrides | undefined;
  /** The portal's image as it would be built now, whatever the application is. */
  portal(): ImageSpec;
  /** The image of a tool that runs when it is needed. */
  tool(name: string): ImageSpec;
}

/** How the networks' ranges are compared with what others use. */
export interface RangeCheck {
  /** Asked for other networks' ranges; without it only the host's routes count. */
  engine?: Engine;
  /** Our containers use the remembered ranges, so there is nothing to compare. */
  running?: boolean;
  /** For what starts nothing: any range will do. */
  unchecked?: boolean;
  /** The overrides of this run. */
  overrides?: ((overrides: Overrides) => Overrides) | undefined;
  /** Generated secrets that are to get a new value. */
  renew?: readonly string[] | undefined;
}

/** What capabilities have found on the host. */
async function gather(context: Context, project: Project): Promise<Gathered> {
  const parts = await Promise.all((await context.capabilities()).map(({ up }) => up?.gather?.(project)));
  const found = parts.filter((part) => part !== undefined);
  return { facts: Object.assign({}, ...found.map(({ facts }) => facts)), steps: found.flatMap(({ steps }) => steps) };
}

/** The stack alone, for what renders and builds nothing: rendering is most of what preparing costs. Its images have no exact names. */
export async function describe(context: Context, loaded: Loaded): Promise<Stack> {
  const state = stateFolder(context, loaded.root);
  const { subnets } = await subnetsFor(loaded, state, { unchecked: true });
  return buildStack(withAbsoluteSource(loaded), await context.registry(), {
    version: context.version,
    overrides: readOverrides(state),
    host: (await gather(context, { loaded, state })).facts,
    subnets,
    engineSocket: localSocket(context.env),
    sourceHash: (folder) => folder,
  });
}

/** Settings -> Stack -> files, with all that is read for it. */
export async function prepare(context: Context, loaded: Loaded, check: RangeCheck): Promise<Prepared> {
  const registry = await context.registry();
  const state = stateFolder(context, loaded.root);
  const override = state.override();
  if (override !== undefined) parseSettings(override, state.overrideFile);
  const choice = await subnetsFor(loaded, state, check);
  const before = readOverrides(state);
  const overrides = check.overrides?.(before) ?? before;
  const settings = withAbsoluteSource(loaded);
  const gathered = await gather(context, { loaded, state });
  const facts = {
    version: context.version,
    overrides,
    host: gathered.facts,
    subnets: choice.subnets,
    engineSocket: localSocket(context.env),
    sourceHash: memoise((folder) => hashImageSource(context.home, folder)),
  };
  const stack = buildStack(settings, registry, facts);
  const now = context.clock.now();
  const secrets = resolveStackSecrets(
    stack.secrets,
    loadSecrets(state),
    (bytes) => randomBytes(bytes).toString('base64url'),
    now.toISOString(),
    check.renew,
  );
  const serials = stack.certificates.map(({ name }) => [certificateKey(name), installedSerial(state, name) ?? ''] as const);
  const rendered = render(stack, {
    base: readFileSync(path.join(context.home, 'docker-compose.base.yml'), 'utf8'),
    templates: readTemplates(context.home, [
      ...new Set(stack.services.flatMap((service) => [service.component, ...(service.configFrom ?? [])])),
    ]),
    override,
    fingerprints: { ...secrets.fingerprints, ...Object.fromEntries(serials) },
    hostCpus: os.cpus().length,
  });
  const internal = internalVerdicts(state);
  const due = stack.certificates.map((spec) => {
    const pem = installedCertificate(state, spec.name);
    const keyless = pem !== undefined && !exists(state.at('certs', spec.name, 'current', 'privkey.pem'));
    return [spec.name, keyless ? 'has lost its key' : upCause(spec, pem, now, internal)] as const;
  });
  return {
    loaded,
    state,
    stack,
    rendered,
    secrets,
    gathered: gathered.steps,
    ...choice,
    moved: choice.moved.filter(({ network }) => stack.networks.some((used) => used.name === network)).map(({ text }) => text),
    portal: () => portalImage(settings, facts),
    tool: (name) => toolImage(settings, facts, name),
    // An override that an edit of medianest.yml has ended must not return when the setting does.
    newOverrides: canonical(stack.overrides) === canonical(before) ? undefined : stack.overrides,
    dueCertificates: Object.fromEntries(due.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

export const readOverrides = (state: StateFolder): Overrides =>
  state.readJson<Overrides>(
    'orders.json',
    'the overrides of `maintenance`, `scale` and `deploy` are lost',
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  ) ?? {};

/** A relative `app.source`, `app.media.path` or `backup.local.path` is relative to medianest.yml; Compose would take it relative to the state folder. */
function withAbsoluteSource(loaded: Loaded): Loaded['settings'] {
  const app = loaded.settings.app as { source?: string; media?: { path?: string } } | undefined;
  const absolute = (folder: string) => path.resolve(loaded.root, folder);
  const media = app?.media?.path && { media: { ...app.media, path: absolute(app.media.path) } };
  const backup = loaded.settings.backup as { local?: { path?: string } } | undefined;
  const local = backup?.local?.path && { backup: { ...backup, local: { ...backup.local, path: absolute(backup.local.path) } } };
  return { ...loaded.settings, ...local, app: { ...app, ...(app?.source && { source: absolute(app.source) }), ...media } };
}

async function subnetsFor(loaded: Loaded, state: StateFolder, check: RangeCheck): Promise<SubnetChoice & { subnetsChanged: boolean }> {
  const remembered = state.readJson<Partial<Record<NetworkName, string>>>('subnets.json', 'free ranges are chosen again') ?? {};
  const wanted = loaded.settings.networks;
  const settled = NETWORKS.every(
    (name) => remembered[name] && (wanted[name].subnet === 'auto' || wanted[name].subnet === remembered[name]),
  );
  if (settled && (check.running || !check.engine))
    return { subnets: remembered as Record<NetworkName, string>, moved: [], subnetsChanged: false };
  // While nothing ran, another network may have taken a remembered range.
  const taken = check.unchecked ? [] : await takenRanges(loaded.settings.project, check.engine);
  const choice = chooseSubnets(wanted, remembered, taken);
  return { ...choice, subnetsChanged: NETWORKS.some((name) => choice.subnets[name] !== remembered[name]) };
}

/** Ranges that others use. Routes of Docker's own bridges are reported by the networks that they belong to. */
async function takenRanges(project: string, engine: Engine | undefined): Promise<TakenRange[]> {
  const networks = engine ? await engine.networks() : [];
  const known = new Set(networks.flatMap((network) => network.subnets));
  const others = networks.filter((network) => network.composeProject !== project);
  return [
    ...others.flatMap((network) => network.subnets.map((subnet) => ({ subnet, by: `the Docker network ${network.name}` }))),
    ...hostRoutes().filter((route) => !known.has(route.subnet)),
  ];
}

function memoise(compute: (key: string) => string): (key: string) => string {
  const seen = new Map<string, string>();
  return (key) => {
    const value = seen.get(key) ?? compute(key);
    seen.set(key, value);
    return value;
  };
}

import { generateKeyPairSync, randomBytes } from 'node:crypto';
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
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { findLock } from '../images/store/lock-file.ts';
import { type ResolvedSecrets, resolveStackSecrets } from '../secrets/plan/secrets.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import { parseSettings } from '../settings/document.ts';
import type { Loaded } from '../settings/loaded.ts';
import { type BuildFacts, buildStack, portalImage, toolImage } from '../stack/build.ts';
import { recordedAbsence } from '../stack/images/left-out.ts';
import type { Overrides } from '../stack/overrides.ts';
import { certificateKey, render } from '../stack/render.ts';
import { settingsRead } from '../stack/settings-read.ts';
import type { Reach, SubnetChoice } from '../stack/subnets.ts';
import type { ImageSpec, NetworkName, Rendered, Stack } from '../stack/types.ts';
import { leftOpen } from '../state/mend.ts';
import { type StateFolder, stateFolder } from '../state/state.ts';
import { findAbsence, withImageStarts } from './engine-images.ts';
import { settingsAdvice } from './plan/settings-advice.ts';
import { type RangeCheck as Comparison, rangesFor } from './ranges/ranges.ts';
import { hashImageSource, readOwnRules, readTemplates } from './sources.ts';

/** Everything up to the rendered files; nothing was written yet. */
export interface Prepared {
  loaded: Loaded;
  state: StateFolder;
  stack: Stack;
  /** All that the settings ask for, also what is left out of the stack for want of its image. */
  whole: Stack;
  rendered: Rendered;
  secrets: ResolvedSecrets;
  subnets: Record<NetworkName, string>;
  /** One line for each of its networks that had to move away from its default range; empty when they were remembered. */
  moved: string[];
  /** One line for each that keeps its range although it covers what this host has to reach. */
  covers: SubnetChoice['covers'];
  /** What this host has to reach, as far as it was asked: no range is chosen over it. */
  reached: string[];
  /** How the networks are made. */
  reach: Reach;
  /** What keeps them from being made as they should be although the engine can: one line. */
  notIsolated?: string | undefined;
  subnetsChanged: boolean;
  /** What the settings say that this profile does not do, or that cannot be meant. */
  advice(): string[];
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

/** How ranges are compared, and what is different in this run. */
export interface RangeCheck extends Comparison {
  /** The overrides of this run. */
  overrides?: ((overrides: Overrides) => Overrides) | undefined;
  /** Images as they are without a lock: with the newest packages. */
  unlocked?: boolean | undefined;
  /** Generated secrets that are to get a new value. */
  renew?: readonly string[] | undefined;
  /** What runs, where services are to be left out whose image the engine does not have. */
  present?: { engine: Engine; containers: readonly ObservedContainer[] } | undefined;
  /** Services that the last `up` left out are left out: the engine is not asked. */
  asLeftOut?: boolean | undefined;
}

/** What capabilities have found on the host. */
async function gather(context: Context, project: Project): Promise<Gathered> {
  const parts = await Promise.all((await context.capabilities()).map(({ up }) => up?.gather?.(project, context)));
  const found = parts.filter((part) => part !== undefined);
  return { facts: Object.assign({}, ...found.map(({ facts }) => facts)), steps: found.flatMap(({ steps }) => steps) };
}

/** The stack alone, for what renders and builds nothing: rendering is most of what preparing costs. Its images have no exact names. */
export async function describe(context: Context, loaded: Loaded): Promise<Stack> {
  const registry = await context.registry();
  const state = stateFolder(context, loaded.root);
  const settings = withAbsoluteSource(loaded);
  const facts: Omit<BuildFacts, 'subnets'> = {
    version: context.version,
    overrides: readOverrides(state),
    host: (await gather(context, { loaded, state })).facts,
    engineSocket: localSocket(context.env),
    sourceHash: (folder) => folder,
  };
  const { subnets, isolated, appClosed } = await rangesFor(context, { settings, state, registry, facts }, { unchecked: true });
  return buildStack(settings, registry, { ...facts, subnets, isolated, appClosed });
}

/** Settings -> Stack -> files, with all that is read for it. */
export async function prepare(context: Context, loaded: Loaded, check: RangeCheck): Promise<Prepared> {
  const registry = await context.registry();
  const state = stateFolder(context, loaded.root);
  const override = state.override();
  if (override !== undefined) parseSettings(override, state.overrideFile);
  const before = readOverrides(state);
  const overrides = check.overrides?.(before) ?? before;
  const settings = withAbsoluteSource(loaded);
  const gathered = await gather(context, { loaded, state });
  const unplaced: Omit<BuildFacts, 'subnets'> = {
    version: context.version,
    overrides,
    host: gathered.facts,
    engineSocket: localSocket(context.env),
    lock: check.unlocked ? undefined : findLock(loaded.root, context.home),
    sourceHash: memoise((folder) => hashImageSource(context.home, folder)),
  };
  const choice = await rangesFor(context, { settings, state, registry, facts: unplaced }, check);
  const reach = { isolated: choice.isolated, appClosed: choice.appClosed };
  const placed: BuildFacts = { ...unplaced, subnets: choice.subnets, ...reach };
  const whole = buildStack(settings, registry, placed);
  const recorded = check.asLeftOut ? recordedAbsence(state.manifest()?.leftOut) : undefined;
  const absence = check.present ? await findAbsence(whole, check.present) : recorded;
  const present = absence ? { ...placed, absence } : placed;
  const { stack, facts } = await withImageStarts(context, {
    stack: absence ? buildStack(settings, registry, present) : whole,
    facts: present,
    build: (more) => buildStack(settings, registry, more),
    planned: check.present !== undefined,
  });
  const used = (lines: typeof choice.moved) => lines.filter(({ network }) => stack.networks.some(({ name }) => name === network));
  const now = context.clock.now();
  const secrets = resolveStackSecrets(
    stack.secrets,
    loadSecrets(state),
    (bytes, rsa) => (rsa ? newRsaKey(rsa) : randomBytes(bytes).toString('base64url')),
    now.toISOString(),
    check.renew,
  );
  const serials = stack.certificates.map(({ name }) => [certificateKey(name), installedSerial(state, name) ?? ''] as const);
  const rendered = render(stack, {
    base: readFileSync(path.join(context.home, 'docker-compose.base.yml'), 'utf8'),
    templates: readTemplates(context.home, [
      ...new Set(
        stack.services.flatMap((service) => [
          service.composeFrom ?? service.component,
          ...(service.rulesFrom ? [service.rulesFrom] : []),
          ...(service.configFrom ?? []),
        ]),
      ),
    ]),
    override,
    ownRules: readOwnRules(loaded.root),
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
    whole,
    rendered,
    secrets,
    gathered: gathered.steps,
    ...choice,
    reach,
    moved: used(choice.moved).map(({ text }) => text),
    covers: used(choice.covers),
    advice: () => [
      ...stateAdvice(state),
      ...settingsAdvice(loaded, {
        read: settingsRead(settings, registry, facts),
        networks: stack.networks.map(({ name }) => name),
        hasCertificates: stack.certificates.length > 0,
        registry,
      }),
    ],
    portal: () => portalImage(settings, facts),
    tool: (name) => toolImage(settings, facts, name),
    // An override that an edit of medianest.yml has ended must not return when the setting does.
    newOverrides: canonical(stack.overrides) === canonical(before) ? undefined : stack.overrides,
    dueCertificates: Object.fromEntries(due.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** What `up` leaves as it is in the state folder, and the operator should know. */
function stateAdvice(state: StateFolder): string[] {
  const left = leftOpen(state);
  return left ? [`${left.message}\n  Fix: ${left.remedy}`] : [];
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

function memoise(compute: (key: string) => string): (key: string) => string {
  const seen = new Map<string, string>();
  return (key) => {
    const value = seen.get(key) ?? compute(key);
    seen.set(key, value);
    return value;
  };
}

/** PKCS #8 in base64, on one line. */
const newRsaKey = (modulusLength: number): string =>
  generateKeyPairSync('rsa', { modulusLength }).privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Loaded } from '../config/load.ts';
import type { Context } from '../context.ts';
import { renewalCause } from '../plan/renewal.ts';
import { type ResolvedSecrets, resolveStackSecrets } from '../plan/secrets.ts';
import { buildStack } from '../stack/build.ts';
import { certificateKey, render } from '../stack/render.ts';
import { chooseSubnets, type SubnetChoice, type TakenRange } from '../stack/subnets.ts';
import { NETWORKS, type NetworkName, type Rendered, type Stack } from '../stack/types.ts';
import { installedCertificate, installedSerial } from './certificates.ts';
import { readOptional } from './files.ts';
import { hostRoutes } from './routes.ts';
import { loadSecrets } from './secret-files.ts';
import { hashImageSource, readTemplates } from './sources.ts';
import { type StateFolder, stateFolder } from './state.ts';
import type { Engine } from './types.ts';

/** Everything up to the rendered files; nothing was written yet. */
export interface Prepared {
  loaded: Loaded;
  state: StateFolder;
  stack: Stack;
  rendered: Rendered;
  secrets: ResolvedSecrets;
  subnets: Record<NetworkName, string>;
  /** One line for each network that had to move away from its default range; empty when they were remembered. */
  moved: string[];
  subnetsChanged: boolean;
  dueCertificates: Record<string, string>;
}

/**
 * Settings -> Stack -> files, with all that is read for it.
 * @param engine asked for other networks' ranges where none are remembered; without it only the host's routes count
 */
export async function prepare(context: Context, loaded: Loaded, engine?: Engine): Promise<Prepared> {
  const registry = await context.registry();
  const state = stateFolder(context, loaded.root);
  const choice = await subnetsFor(loaded, state, engine);
  const stack = buildStack(withAbsoluteSource(loaded), registry, {
    version: context.version,
    subnets: choice.subnets,
    sourceHash: memoise((folder) => hashImageSource(context.home, folder)),
  });
  const now = context.clock.now();
  const secrets = resolveStackSecrets(
    stack.secrets,
    loadSecrets(state),
    (bytes) => randomBytes(bytes).toString('base64url'),
    now.toISOString(),
  );
  const serials = stack.certificates.map(({ name }) => [certificateKey(name), installedSerial(state, name) ?? ''] as const);
  const rendered = render(stack, {
    base: readFileSync(path.join(context.home, 'docker-compose.base.yml'), 'utf8'),
    templates: readTemplates(context.home, [
      ...new Set(stack.services.flatMap((service) => [service.component, ...(service.configFrom ?? [])])),
    ]),
    override: state.override(),
    fingerprints: { ...secrets.fingerprints, ...Object.fromEntries(serials) },
  });
  const due = stack.certificates.map((spec) => [spec.name, renewalCause(spec, installedCertificate(state, spec.name), now)] as const);
  return {
    loaded,
    state,
    stack,
    rendered,
    secrets,
    ...choice,
    dueCertificates: Object.fromEntries(due.filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** A relative `app.source` is relative to medianest.yml; Compose would take it relative to the state folder. */
function withAbsoluteSource(loaded: Loaded): Loaded['settings'] {
  const app = loaded.settings.app as { source?: string } | undefined;
  return app?.source ? { ...loaded.settings, app: { ...app, source: path.resolve(loaded.root, app.source) } } : loaded.settings;
}

async function subnetsFor(
  loaded: Loaded,
  state: StateFolder,
  engine: Engine | undefined,
): Promise<SubnetChoice & { subnetsChanged: boolean }> {
  const text = readOptional(state.at('subnets.json'));
  const remembered = (text === undefined ? {} : JSON.parse(text)) as Partial<Record<NetworkName, string>>;
  const wanted = loaded.settings.networks;
  const settled = NETWORKS.every(
    (name) => remembered[name] && (wanted[name].subnet === 'auto' || wanted[name].subnet === remembered[name]),
  );
  if (settled) return { subnets: remembered as Record<NetworkName, string>, moved: [], subnetsChanged: false };
  return { ...chooseSubnets(wanted, remembered, await takenRanges(loaded.settings.project, engine)), subnetsChanged: true };
}

/** Ranges that are in use by others. Routes of Docker's own bridges are told by the networks that they belong to. */
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

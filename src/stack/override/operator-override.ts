import { UserError } from '../../core/errors.ts';
import { canonical, shortHash } from '../../core/hash.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { parseSettings } from '../../settings/document.ts';
import { composeText } from '../compose/text.ts';
import { LABEL, volumeName } from '../labels.ts';
import type { RenderedFile } from '../types.ts';
import type { Added } from './added.ts';
import {
  checkLabels,
  checkService,
  checkVolume,
  isExternal,
  isObject,
  OVERRIDE_FILE,
  type OverriddenStack,
  section,
  shown,
} from './operator-override-checks.ts';

/** Our labels on what the override adds: Compose merges them over it. */
export const LABELS_FILE = 'compose.labels.yml';

const HEADER = `# Written by medianest: its labels on what ${OVERRIDE_FILE} adds.\n`;

interface OperatorOverride {
  added: Added;
  files: RenderedFile[];
  /** Why it cannot be used: what plans an `up` throws it; a backup uses what runs. */
  refused?: UserError;
  /** Of a service of ours, the part of its label that the override makes. */
  inputsOf(service: string): { override?: string };
  /** Whether it gives a network of ours a way out or another driver. */
  opens(network: string): boolean;
}

const NOTHING: OperatorOverride = {
  added: { services: [], volumes: [], includes: false },
  files: [],
  inputsOf: () => ({}),
  opens: () => false,
};

/**
 * The operator's override: checked, and with what it adds. What Compose itself refuses is left to it.
 * @param text undefined where there is none @throws UserError BAD_YAML
 */
export function operatorOverride(text: string | undefined, stack: OverriddenStack): OperatorOverride {
  if (text === undefined) return NOTHING;
  const { data } = parseSettings(text, OVERRIDE_FILE);
  if (Object.keys(data).length === 0) return NOTHING;
  try {
    return checked(text, data, stack);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...NOTHING, refused: error };
  }
}

function checked(text: string, data: JsonObject, stack: OverriddenStack): OperatorOverride {
  const services = section(data, 'services');
  const ours = new Set(stack.services.map(({ name }) => name));
  for (const [name, definition] of Object.entries(services)) checkService(name, definition, stack);
  const own = Object.entries(services).filter(([name]) => !ours.has(name)) as [string, JsonObject][];
  const volumes = addedVolumes(section(data, 'volumes'), stack);
  const networks = Object.entries(section(data, 'networks')).filter(
    ([name, network]) => !stack.networks.some((known) => known.name === name) && !(isObject(network) && network.external),
  );
  for (const [name, network] of networks) checkLabels(`the network ${shown(name)}`, network);
  const shared = withoutKeys(data, (key) => key === 'services' || key === 'volumes' || key.startsWith('x-'));
  const added: Added = {
    services: own.map(([name, definition]) => ({
      name,
      inputs: canonical({ override: shortHash([definition, shared, usedVolumes(definition, volumes)]) }),
      count: countOf(definition),
      image: imageOf(name, definition, stack.project),
      builds: definition.build !== undefined,
    })),
    volumes: volumes.map(({ name }) => name).sort(),
    includes: data.include !== undefined,
  };
  const labels = { [LABEL.project]: stack.project };
  const labelled = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, { labels }]));
  const document: JsonObject = {
    ...(own.length > 0 && {
      services: Object.fromEntries(
        added.services.map(({ name, inputs }) => [name, { labels: { ...labels, [LABEL.component]: name, [LABEL.inputs]: inputs } }]),
      ),
    }),
    ...(networks.length > 0 && { networks: labelled(networks.map(([name]) => name)) }),
    ...(volumes.length > 0 && { volumes: labelled(volumes.map(({ key }) => key)) }),
  };
  return {
    added,
    files: [
      // It may hold a password.
      { path: OVERRIDE_FILE, mode: 0o600, contents: text },
      ...(Object.keys(document).length > 0 ? [{ path: LABELS_FILE, mode: 0o644, contents: `${HEADER}${composeText(document)}` }] : []),
    ],
    inputsOf: (service) => inputsOf(data, services, service, stack),
    opens: (network) => opens(section(data, 'networks')[network]),
  };
}

const opens = (network: Json | undefined): boolean =>
  isObject(network) && (network.internal === false || network.driver !== undefined || network.external !== undefined);

/** Its own section, and whatever is not about services: but for what only the override's own services can use. */
function inputsOf(data: JsonObject, services: JsonObject, service: string, stack: OverriddenStack): { override?: string } {
  const section = services[service];
  const rest = withoutKeys(data, (key) => key === 'services');
  const volumes = [...stack.volumes];
  const networks: readonly string[] = stack.networks.map(({ name }) => name);
  const known = { volumes, networks, secrets: [] as string[], configs: [] as string[] } as Readonly<Record<string, readonly string[]>>;
  const shared = Object.fromEntries(
    Object.entries(withoutKeys(rest, (key) => key.startsWith('x-'))).flatMap(([key, value]): [string, Json][] => {
      const names = known[key];
      if (!names || !isObject(value)) return [[key, value]];
      const kept = withoutKeys(value, (name) => !names.includes(name));
      return Object.keys(kept).length > 0 ? [[key, kept]] : [];
    }),
  );
  if (section === undefined) return Object.keys(shared).length === 0 ? {} : { override: shortHash([null, shared]) };
  return { override: shortHash([section, rest]) };
}

/** The volumes that belong to this project, so not the external ones. */
function addedVolumes(volumes: JsonObject, stack: OverriddenStack): { key: string; name: string }[] {
  const own: { key: string; name: string }[] = [];
  for (const [key, definition] of Object.entries(volumes)) {
    const isOurs = stack.volumes.includes(key);
    checkVolume(key, definition, isOurs);
    const name = isObject(definition) ? definition.name : undefined;
    if (!isOurs && !isExternal(definition)) own.push({ key, name: typeof name === 'string' ? name : volumeName(stack.project, key) });
  }
  return own;
}

const withoutKeys = (data: JsonObject, drop: (key: string) => boolean): JsonObject =>
  Object.fromEntries(Object.entries(data).filter(([key]) => !drop(key)));

/** The engine's names of the volumes that a service mounts: another one means a new container. */
function usedVolumes({ volumes }: JsonObject, added: readonly { key: string; name: string }[]): string[] {
  const sources = (Array.isArray(volumes) ? volumes : []).map((mount) => (isObject(mount) ? mount.source : String(mount).split(':')[0]));
  return added.filter(({ key }) => sources.includes(key)).map(({ name }) => name);
}

/** Compose's own words for it; what it computes from variables is one. */
function countOf(definition: JsonObject): number {
  if (Array.isArray(definition.profiles) && definition.profiles.length > 0) return 0;
  const deploy = isObject(definition.deploy) ? definition.deploy : {};
  const count = Number(definition.scale ?? deploy.replicas ?? 1);
  return Number.isInteger(count) && count >= 0 ? count : 1;
}

function imageOf(name: string, { image, build }: JsonObject, project: string): string | undefined {
  if (image === undefined && build !== undefined) return `${project}-${name}`;
  return typeof image === 'string' && !image.includes('$') ? image : undefined;
}

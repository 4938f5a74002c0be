import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import type { JsonObject } from '../core/json.ts';
import { didYouMean } from '../core/suggest.ts';
import { withCacheMode } from '../settings/cache-mode.ts';
import { checkComponents, checkImages } from '../settings/check-names.ts';
import { parseSettings } from '../settings/document.ts';
import { assignmentLayer, environmentLayers, unknownVariables, valueLayer } from '../settings/environment.ts';
import type { Loaded } from '../settings/loaded.ts';
import { migrateLayer } from '../settings/migrations.ts';
import { PROFILES_FOLDER } from '../settings/own-folders.ts';
import type { SettingsPart } from '../settings/part.ts';
import { type Layer, mergeLayers } from '../settings/profile.ts';
import { resolveSecrets } from '../settings/references.ts';
import { type Leaf, leaves, secretPaths, settingsSchema } from '../settings/schema.ts';
import { validate } from '../settings/validate.ts';
import { stateFolder } from '../state/state.ts';
import { beforeIn } from './before.ts';
import { defaultProject } from './default-project.ts';
import { leaveOff } from './leave-off.ts';

export interface LoadInput {
  /** Folder of the package, with `profiles/`. */
  home: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  registry: readonly SettingsPart[];
  flags: {
    config?: string | undefined;
    profile?: string | undefined;
    project?: string | undefined;
    state?: string | undefined;
    without?: string | undefined;
    set?: readonly string[];
  };
}

/** Reads everything that says what the operator wants: base, profile, file, environment, flags; merges and validates it once. */
export function loadSettings(input: LoadInput): Loaded {
  const { flags, registry } = input;
  const configFile = findConfig(input);
  const root = rootOf(input, configFile);
  const file = configFile
    ? migrateLayer(parseSettings(readText(configFile), path.relative(input.cwd, configFile) || configFile))
    : undefined;
  const schema = settingsSchema(registry);
  const fields = leaves(schema);
  const above = [...(file ? [file] : []), ...environmentLayers(input.env, fields).map(migrateLayer), ...flagLayers(flags, fields)];
  // A profile cannot name another one to run instead of itself, so this key counts in what stands above profiles alone.
  const named = mergeLayers(above).data.profile;
  const profile = typeof named === 'string' ? named : 'dev';
  const chain = profileChain(profile, profileFolders(input.home, root));
  const said = [...chain.map(withoutMeta), ...above];
  const merged = mergeLayers(said.some(({ data }) => 'project' in data) ? said : [defaultProject(input, root), ...said]);
  const unknown = unknownVariables(input.env, fields, merged.data);
  nameEnvFiles(merged.data);
  const secretFiles = resolveSecrets(merged, secretPaths(schema, merged.data), {
    env: input.env,
    readText: (name) => tryRead(path.resolve(root, name)),
  });
  const asked = withCacheMode(validate(merged, registry), merged);
  const { settings, leftOff } = leaveOff(asked, merged, registry, beforeIn(stateFolder(input, root), profile));
  checkComponents(settings, merged, registry, chain);
  checkImages(settings, merged, registry);
  return {
    settings,
    profile,
    description: String(chain.at(-1)?.data.description ?? ''),
    origins: merged.origins,
    root,
    configFile,
    unknownVariables: unknown,
    leftOff,
    secretFiles,
  };
}

/** `app.envFile` names files by their paths: what is in them is read as secrets are. */
function nameEnvFiles(data: JsonObject): void {
  const app = data.app as JsonObject | undefined;
  if (!Array.isArray(app?.envFile)) return;
  app.envFile = app.envFile.map((file) => (typeof file === 'string' && !/^(file:|\$\{)/.test(file) ? `file:${file}` : file));
}

export interface ProfileSummary {
  name: string;
  description: string;
  extends: string | null;
  components: string[];
  /** Components that no service here provides yet. */
  missing: string[];
}

const foldersOf = (input: LoadInput): string[] => profileFolders(input.home, rootOf(input, findConfig(input)));

const switchedOn = (chain: readonly Layer[]): string[] =>
  Object.entries(mergeLayers(chain).data.components ?? {}).flatMap(([key, on]) => (on === true ? [key] : []));

/** The components that a profile, with all that it extends, switches on. @throws UserError UNKNOWN_PROFILE */
export const componentsOf = (input: LoadInput, profile: string): string[] => switchedOn(profileChain(profile, foldersOf(input)));

/** Every profile there is, the operator's own included. */
export function listProfiles(input: LoadInput): ProfileSummary[] {
  const folders = foldersOf(input);
  const names = new Set(folders.flatMap((folder) => profileNames(folder)));
  return [...names].sort().map((name) => {
    const chain = profileChain(name, folders);
    const leaf = chain.at(-1)?.data ?? {};
    const components = switchedOn(chain);
    const known = input.registry.map((service) => service.name);
    return {
      name,
      description: String(leaf.description ?? ''),
      extends: typeof leaf.extends === 'string' ? leaf.extends : null,
      components,
      missing: components.filter((component) => !known.includes(component)),
    };
  });
}

function flagLayers(flags: LoadInput['flags'], fields: readonly Leaf[]): Layer[] {
  const off = (flags.without ?? '').split(',').filter(Boolean);
  return [
    ...(flags.set ?? []).map((text) => assignmentLayer(text, fields)),
    ...off.map((name) => valueLayer(['components', name.trim()], false, '--without')),
    ...(flags.project ? [valueLayer(['project'], flags.project, '--project')] : []),
    ...(flags.profile ? [valueLayer(['profile'], flags.profile, '--profile')] : []),
  ];
}

const rootOf = (input: LoadInput, configFile: string | undefined): string => (configFile ? path.dirname(configFile) : input.cwd);

function findConfig(input: LoadInput): string | undefined {
  if (input.flags.config) return path.resolve(input.cwd, input.flags.config);
  for (let folder = input.cwd; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'medianest.yml');
    if (exists(candidate)) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** The operator's `profiles/` beside medianest.yml comes first, so that a file of the same name replaces ours. */
const profileFolders = (home: string, root: string) => [...new Set([path.join(root, PROFILES_FOLDER), path.join(home, PROFILES_FOLDER)])];

function profileNames(folder: string): string[] {
  try {
    return readdirSync(folder).flatMap((name) => (name.endsWith('.yml') ? [name.slice(0, -'.yml'.length)] : []));
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** The profile and all that it extends, the most general first. */
function profileChain(name: string, folders: readonly string[], seen: readonly string[] = []): Layer[] {
  if (seen.includes(name)) {
    throw new UserError(
      'PROFILE_CYCLE',
      `profiles extend each other in a circle: ${[...seen, name].join(' -> ')}`,
      `remove one of these \`extends\` lines`,
    );
  }
  // A profile is a name, never a path: it must not reach a file elsewhere.
  const file = /^[\w.-]+$/.test(name)
    ? folders.map((folder) => path.join(folder, `${name}.yml`)).find((candidate) => exists(candidate))
    : undefined;
  if (!file) {
    const known = [...new Set(folders.flatMap((folder) => profileNames(folder)))];
    const by = seen.length > 0 ? ` (extended by ${seen.at(-1)})` : '';
    throw new UserError(
      'UNKNOWN_PROFILE',
      `there is no profile ${JSON.stringify(name)}${by}; ${didYouMean(name, known)}`,
      `choose one of ${known.sort().join(', ')}, or write profiles/${name}.yml beside medianest.yml`,
    );
  }
  const read = migrateLayer(parseSettings(readText(file), `profiles/${name}.yml`));
  // The last folder is that of the package.
  const layer: Layer = path.dirname(file) === folders.at(-1) ? { ...read, shipped: true } : read;
  const parent = layer.data.extends;
  if (parent !== undefined && typeof parent !== 'string') {
    throw new UserError(
      'INVALID_SETTINGS',
      `${layer.locate(['extends'])}: extends: should be the name of one profile`,
      'write `extends: dev-compose`',
    );
  }
  if ('profile' in layer.data) {
    throw new UserError(
      'INVALID_SETTINGS',
      `${layer.locate(['profile'])}: profile: is not a setting of a profile`,
      'write `extends:` to build upon another profile; `profile:` belongs into medianest.yml',
    );
  }
  return parent ? [...profileChain(parent, folders, [...seen, name]), layer] : [layer];
}

function withoutMeta(layer: Layer): Layer {
  const { extends: _parent, description: _description, ...data } = layer.data;
  return { ...layer, data };
}

function tryRead(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      'INVALID_SETTINGS',
      `${file} cannot be read (${systemCode(error)})`,
      'correct --config, or the file’s permissions',
      { path: file, cause: error },
    );
  }
}

/** The part of the context that loading settings needs. */
export async function loadInput(context: Context): Promise<LoadInput> {
  const { home, cwd, env, flags } = context;
  return { home, cwd, env, registry: await context.registry(), flags };
}

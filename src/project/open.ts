import { statSync } from 'node:fs';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import { loadInput } from '../project/load-settings.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Manifest } from '../stack/manifest.ts';
import { type StateFolder, stateFolder } from '../state/state.ts';
import { loadSettings } from './load-settings.ts';

export interface Project {
  loaded: Loaded;
  state: StateFolder;
}

/** What a command has opened last, and its settings file as it was then. */
const opened = new WeakMap<Context, { loaded: Loaded; file: string | undefined }>();

/** The settings and the state folder: what every command starts from. */
export async function open(context: Context): Promise<Project> {
  const loaded = loadSettings(await loadInput(context));
  opened.set(context, { loaded, file: stamp(loaded.configFile) });
  return { loaded, state: stateFolder(context, loaded.root) };
}

/** The same once more at a command's end: settings are read again only where their file was changed meanwhile, by `restore` for one. */
export async function reopen(context: Context): Promise<Project> {
  const last = opened.get(context);
  if (last?.file === undefined || last.file !== stamp(last.loaded.configFile)) return open(context);
  return { loaded: last.loaded, state: stateFolder(context, last.loaded.root) };
}

/** Differs for a file that was written or replaced; undefined where there is none, or where that cannot be told. */
function stamp(file: string | undefined): string | undefined {
  try {
    const found = file === undefined ? undefined : statSync(file, { bigint: true });
    return found && `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
  } catch {
    return undefined;
  }
}

/** What was rendered last. @throws UserError NOT_RUNNING where nothing ever was */
export function requireManifest(state: StateFolder): Manifest {
  const manifest = state.manifest();
  if (manifest) return manifest;
  throw new UserError('NOT_RUNNING', `nothing was started from ${state.root} yet`, 'medianest up');
}

/** Components and containers as typed by a person -> Compose services; none given means all. */
export function expandServices(manifest: Manifest, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const matches = manifest.services.filter(
      (service) => service.name === name || service.component === name || family(service.name) === name,
    );
    if (matches.length > 0) return matches.map((service) => service.name);
    const known = [...new Set(manifest.services.flatMap((service) => [service.name, service.component]))];
    throw new UserError(
      'UNKNOWN_SERVICE',
      `there is no service ${JSON.stringify(name)}; ${didYouMean(name, known)}`,
      'medianest status lists them',
    );
  });
}

/** What numbered containers are called together: `postgres-2` is one of `postgres`. */
const family = (service: string): string => service.replace(/-\d+$/, '');

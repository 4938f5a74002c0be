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

/** The settings and the state folder: what every command starts from. */
export async function open(context: Context): Promise<Project> {
  const loaded = loadSettings(await loadInput(context));
  return { loaded, state: stateFolder(context, loaded.root) };
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

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PROFILES_FOLDER } from '../settings/own-folders.ts';

export interface Where {
  /** Folder of the package, with `profiles/`. */
  home: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * Names of what is there, for completion: read straight from the state folder, because a shell waits for them. What is
 * missing or damaged is nothing to tell here.
 */
export function savedNames(words: readonly string[], { home, cwd, env }: Where) {
  const option = (flag: string): string | undefined => {
    const at = words.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
    return at < 0 ? undefined : (words[at]?.split('=')[1] ?? words[at + 1]);
  };
  const config = option('--config') ?? env.MEDIANEST_CONFIG;
  const root = config ? path.dirname(path.resolve(cwd, config)) : folderWithSettings(cwd);
  const state = path.resolve(cwd, option('--state') ?? env.MEDIANEST_STATE ?? path.join(root, '.medianest'));
  const manifest = () =>
    readJson<{ services?: { name: string; component: string }[] }>(path.join(state, 'current/manifest.json'))?.services ?? [];
  return {
    services: () => manifest().map(({ name }) => name),
    components: () => manifest().map(({ component }) => component),
    releases: () => readJson<{ id: string; image: string }[]>(path.join(state, 'releases.json')) ?? [],
    backups: () => readJson<{ sets?: { id: string; finishedAt: string }[] }>(path.join(state, 'backups.json'))?.sets ?? [],
    profiles: () =>
      [...new Set([path.join(root, PROFILES_FOLDER), path.join(home, PROFILES_FOLDER)].flatMap(entries))]
        .filter((name) => name.endsWith('.yml'))
        .map((name) => name.slice(0, -'.yml'.length))
        .sort(),
  };
}

function folderWithSettings(cwd: string): string {
  for (let folder = cwd; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'medianest.yml'))) return folder;
    if (folder === path.dirname(folder)) return cwd;
  }
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

import type { Json, JsonObject } from '../core/json.ts';
import type { Layer } from './profile.ts';

/** Version of the format of medianest.yml. */
export const SETTINGS_VERSION = 3;

/** A key that has another name since. Values stay as they are. */
interface Rename {
  from: readonly string[];
  to: string;
}

/** What each version has changed. A file that is older is read all the same; `config migrate` rewrites it. */
const RENAMES: Readonly<Record<number, readonly Rename[]>> = {
  // `connections` beside balancer.maxConnections read as if it were for all visitors together.
  2: [{ from: ['edge', 'connections'], to: 'connectionsPerClient' }],
  // It has a third value since, and takes the two that it had.
  3: [{ from: ['agent', 'heal'], to: 'healing' }],
};

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The renames that a file of this version still needs; one that names no version may be of any. */
export function pendingRenames(data: JsonObject): readonly Rename[] {
  const version = data.version ?? 1;
  return typeof version === 'number' ? Object.entries(RENAMES).flatMap(([at, list]) => (Number(at) > version ? list : [])) : [];
}

export const renamed = ({ from, to }: Rename): string[] => [...from.slice(0, -1), to];

/** Settings with today's names. If an old and a new name are both there, the new one is used, and the old one is reported as unknown. */
export function migrateData(data: JsonObject): JsonObject {
  const done = pendingRenames(data).reduce((current, { from, to }) => rename(current, from, to), data);
  const version = done.version;
  return typeof version === 'number' && version >= 1 && version < SETTINGS_VERSION ? { ...done, version: SETTINGS_VERSION } : done;
}

function rename(data: JsonObject, [key = '', ...rest]: readonly string[], to: string): JsonObject {
  if (!Object.hasOwn(data, key)) return data;
  const value = data[key] as Json;
  if (rest.length > 0) return isObject(value) ? { ...data, [key]: rename(value, rest, to) } : data;
  if (Object.hasOwn(data, to)) return data;
  return Object.fromEntries(Object.entries(data).map(([name, entry]) => [name === key ? to : name, entry]));
}

/** A layer of settings with today's names; messages still use those of the file. */
export function migrateLayer(layer: Layer): Layer {
  const pending = pendingRenames(layer.data);
  const oldName = (path: readonly PropertyKey[]): readonly PropertyKey[] => {
    const match = pending.find((entry) => renamed(entry).every((key, index) => path[index] === key));
    return match ? [...match.from, ...path.slice(match.from.length)] : path;
  };
  return { ...layer, data: migrateData(layer.data), locate: (path) => layer.locate(oldName(path)) };
}

/** The path of a setting with today's names. */
export function currentPath(path: readonly string[]): string[] {
  const match = pendingRenames({}).find(({ from }) => from.every((key, index) => path[index] === key));
  return match ? [...renamed(match), ...path.slice(match.from.length)] : [...path];
}

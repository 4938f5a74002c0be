import type { Json, JsonObject } from '../core/json.ts';

/** One source of settings, the later ones winning over the earlier. */
export interface Layer {
  /** How it is named to the operator: `profiles/dev.yml`, `medianest.yml`, `environment`, `--set`. */
  origin: string;
  data: JsonObject;
  /** A profile that comes with medianest: what it says is a default, and nothing that the operator has asked for. */
  shipped?: true;
  /** Where a path stands in it, as `medianest.yml:12`; the origin alone where it has no lines. */
  locate(path: readonly PropertyKey[]): string;
}

export interface Merged {
  data: JsonObject;
  /** `edge.httpsPort` -> the layer that has set it. */
  origins: Map<string, Layer>;
}

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Later layers win, key by key; lists and values are replaced whole. Keys such as `__proto__` stay plain keys. */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const origins = new Map<string, Layer>();
  const mergeInto = (target: JsonObject, layer: Layer, source: JsonObject, path: string[]) => {
    for (const [key, value] of Object.entries(source)) {
      const here = [...path, key];
      const existing = Object.hasOwn(target, key) ? target[key] : undefined;
      if (isObject(value)) {
        const next: JsonObject = isObject(existing) ? existing : Object.create(null);
        target[key] = next;
        if (Object.keys(value).length === 0) origins.set(here.join('.'), layer);
        mergeInto(next, layer, value, here);
      } else {
        target[key] = value;
        origins.set(here.join('.'), layer);
      }
    }
  };
  const data: JsonObject = Object.create(null);
  for (const layer of layers) mergeInto(data, layer, layer.data, []);
  return { data, origins };
}

/** The layer that a path, or the nearest set path below or above it, comes from. */
export function originOf(origins: ReadonlyMap<string, Layer>, path: readonly PropertyKey[]): Layer | undefined {
  const wanted = path.map(String).join('.');
  const below = [...origins.keys()].filter((key) => key.startsWith(`${wanted}.`)).at(-1);
  if (origins.has(wanted) || below) return origins.get(wanted) ?? origins.get(below as string);
  return path.length > 0 ? originOf(origins, path.slice(0, -1)) : undefined;
}

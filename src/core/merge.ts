import type { Json, JsonObject } from './json.ts';

const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Merges Compose fragments as data: mappings key by key, `volumes` and `tmpfs` lists are joined, any other value is replaced. */
export function mergeData(base: JsonObject, over: JsonObject): JsonObject {
  const merged: JsonObject = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const existing = merged[key];
    if (isObject(existing) && isObject(value)) merged[key] = mergeData(existing, value);
    else if ((key === 'volumes' || key === 'tmpfs') && Array.isArray(existing) && Array.isArray(value))
      merged[key] = [...existing, ...value];
    else merged[key] = value;
  }
  return merged;
}

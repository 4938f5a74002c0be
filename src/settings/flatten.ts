import { Secret } from '../core/secret.ts';
import type { Layer } from './profile.ts';

/** Every setting on a line of its own: `edge.httpsPort`, its value, and where it comes from. */
export function flattenSettings(
  settings: object,
  origins: ReadonlyMap<string, Layer>,
  path: string[] = [],
): { path: string; value: unknown; origin: string }[] {
  return Object.entries(settings).flatMap(([key, value]: [string, unknown]) => {
    const here = [...path, key];
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Secret);
    if (isGroup && Object.keys(value).length > 0) return flattenSettings(value, origins, here);
    const name = here.join('.');
    return [{ path: name, value, origin: origins.get(name)?.locate(here) ?? 'default' }];
  });
}

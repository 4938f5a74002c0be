import { Secret } from '../core/secret.ts';
import type { Layer } from './profile.ts';

/** A user and a password in an address, also inside a longer text. */
const LOGIN = /([a-z][a-z0-9+.-]*:\/\/)([^\s/?#:@]*):[^\s/?#]*@/gi;

/** Settings as they may be shown: a password in an address is left out, its user is not. Secrets say so themselves. */
export function withoutPasswords<T>(value: T): T {
  if (typeof value === 'string') return value.replace(LOGIN, '$1$2:***@') as T;
  if (Array.isArray(value)) return value.map(withoutPasswords) as T;
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutPasswords(inner)])) as T;
}

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

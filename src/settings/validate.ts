import type * as z from 'zod';
import { UserError } from '../core/errors.ts';
import { didYouMean, nearest } from '../core/suggest.ts';
import { currentPath } from './migrations.ts';
import type { SettingsPart } from './part.ts';
import { type Merged, originOf } from './profile.ts';
import { knownKeys, type Settings, settingsSchema } from './schema.ts';
import { wording } from './wording.ts';

const MOST_SHOWN = 10;

/** Parses merged layers once; every problem is reported with its path, its line and the nearest key that exists. */
export function validate(merged: Merged, registry: readonly SettingsPart[]): Settings {
  const schema = settingsSchema(registry);
  const result = schema.safeParse(merged.data);
  if (result.success) return result.data;
  const { issues } = result.error;
  const count = issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);
  // Only what is shown is looked up: a file may have ten thousand problems.
  const problems = issues.slice(0, MOST_SHOWN).flatMap((issue) => describe(issue, merged, schema));
  const shown = problems.slice(0, MOST_SHOWN).map(({ text }) => text);
  if (count > MOST_SHOWN) shown.push(`and ${count - MOST_SHOWN} more`);
  const first = problems[0] as { where: string };
  throw new UserError('INVALID_SETTINGS', shown.join('\n  '), `correct ${first.where}`, { path: first.where });
}

function describe(issue: z.core.$ZodIssue, merged: Merged, schema: z.ZodType): { where: string; text: string }[] {
  const at = (path: readonly PropertyKey[]) => originOf(merged.origins, path)?.locate(path) ?? 'the settings';
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    // The list of all keys stands behind the first that resembles none of them.
    const list = issue.keys.slice(0, MOST_SHOWN).find((key) => nearest(key, known) === undefined);
    return issue.keys.slice(0, MOST_SHOWN).map((key) => {
      const path = [...issue.path, key];
      const near = key === list || nearest(key, known) !== undefined ? didYouMean(key, known) : undefined;
      const hint = otherName(path) ?? near;
      return {
        where: at(path),
        text: `${at(path)}: ${path.map(String).join('.')}: is not a setting${hint ? `; ${hint}` : ''}`,
      };
    });
  }
  // Of several alternative forms, the one that was started says more than all of them.
  const begun = issue.code === 'invalid_union' && issue.errors.find((inner) => inner.every(({ path }) => path.length > 0));
  if (begun) return begun.flatMap((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] }, merged, schema));
  const value = valueAt(merged.data, issue.path);
  const message = wording(issue, value === undefined) + (typeof value === 'string' && /\$\{.*\}/.test(value) ? NO_VARIABLE : '');
  return [{ where: at(issue.path), text: `${at(issue.path)}: ${issue.path.map(String).join('.') || 'the file'}: ${message}` }];
}

/** What it is called since. */
function otherName(path: readonly PropertyKey[]): string | undefined {
  const names = path.map(String);
  const current = currentPath(names).join('.');
  return current === names.join('.') ? undefined : `it is called ${current} now`;
}

/** As in Compose files. */
const NO_VARIABLE = '; only secrets take ${NAME} from the environment: give this one as MEDIANEST_... (docs/settings.md) or with --set';

const valueAt = (data: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((node, key) => (node as Record<PropertyKey, unknown> | null | undefined)?.[key], data);

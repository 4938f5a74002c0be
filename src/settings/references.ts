import { UserError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { Secret } from '../core/secret.ts';
import { type Merged, originOf } from './profile.ts';

export interface ReferenceReaders {
  env: Readonly<Record<string, string | undefined>>;
  /** Reads a file named beside the settings file; undefined when it cannot. */
  readText(path: string): string | undefined;
}

/**
 * Replaces the value at each of these paths by a `Secret`, resolving `${NAME}` and `file:path`. A value from a file loses one trailing line end
 * (editors and `echo` add it); everything else arrives byte for byte.
 * @returns the files, as they are named
 */
export function resolveSecrets(merged: Merged, paths: readonly string[][], readers: ReferenceReaders): string[] {
  const files = new Set<string>();
  for (const path of paths) {
    const parent = path.slice(0, -1).reduce<Json | undefined>((node, key) => (node as JsonObject | undefined)?.[key], merged.data) as
      | JsonObject
      | null
      | undefined;
    if (typeof parent !== 'object' || parent === null) continue;
    const key = path.at(-1) as string;
    const value = parent[key];
    if (typeof value !== 'string') continue;
    const where = originOf(merged.origins, path)?.locate(path) ?? 'the settings';
    const refuse = (why: string, fix: string) =>
      new UserError('SECRET_UNRESOLVED', `${where}: ${path.join('.')}: ${why}`, fix, { path: where });
    const variable = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/.exec(value)?.[1];
    // Not the value itself: a default would be a password.
    const [, other] = variable ? [] : (/^\$\{([^}:?=+-]*)[^}]*\}$/.exec(value) ?? []);
    if (other !== undefined)
      throw refuse(
        `what follows ${other || 'the brace'} in \${...} is not understood: a variable is \${NAME} alone, without a default`,
        `give the default before: export ${other || 'NAME'}=... ; a password that really is this text goes into a file: file:./secret.txt`,
      );
    const file = value.startsWith('file:') ? value.slice('file:'.length) : undefined;
    if (file !== undefined) files.add(file);
    const resolved = variable
      ? variableOf(readers.env, variable)
      : file !== undefined
        ? readers.readText(file)?.replace(/\r?\n$/, '')
        : value;
    if (resolved === undefined && variable)
      throw refuse(`the environment has no ${variable}`, `export ${variable}, or name a file: file:./secret.txt`);
    if (resolved === undefined)
      throw refuse(`the file ${file} cannot be read`, 'create it (mode 0600), or correct its path (relative to medianest.yml)');
    if (resolved === '') throw refuse('is empty', 'give a value, or remove the key to have one made at random');
    if (resolved.includes('\0')) throw refuse('contains a NUL byte', 'no database or cache takes a password with a NUL byte');
    if (/[\p{Surrogate}\uFFFD]/u.test(resolved)) throw refuse('is not valid UTF-8', 'write it as UTF-8: it would not arrive byte for byte');
    parent[key] = new Secret(resolved) as unknown as Json;
  }
  return [...files];
}

/** `process.env.constructor` is a function that every object inherits, no variable. */
const variableOf = (env: ReferenceReaders['env'], name: string): string | undefined => (Object.hasOwn(env, name) ? env[name] : undefined);

import { parse } from 'yaml';
import { UserError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { nearest } from '../core/suggest.ts';
import { currentPath, pendingRenames, renamed } from './migrations.ts';
import type { Layer } from './profile.ts';
import type { Leaf } from './schema.ts';

/** `edge.httpsPort` -> `MEDIANEST_EDGE_HTTPS_PORT`. */
export const variableName = (path: readonly string[]): string =>
  `MEDIANEST_${path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()).join('_')}`;

function nested(path: readonly string[], value: Json): JsonObject {
  return path.reduceRight<Json>((inner, key) => ({ [key]: inner }), value) as JsonObject;
}

/** A value from the environment or the command line, read as YAML reads it (`8443` is a number, `true` a boolean). */
function scalar(text: string, origin: string): Json {
  // YAML takes the colons at the start of an IPv6 address for a mapping.
  if (/^[\da-f:]*:[\da-f:.]*$/i.test(text)) return text;
  try {
    return (parse(text) as Json) ?? text;
  } catch (error) {
    throw new UserError('INVALID_SETTINGS', `${origin}: ${(error as Error).message.split('\n')[0]}`, 'quote the value as YAML', {
      cause: error,
    });
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'MEDIANEST_';

/** Variables of that prefix that are no settings: options of the command line, and what hooks and alerts are given. */
export const OTHER_VARIABLES = [
  ...['CONFIG', 'STATE', 'SET', 'WITHOUT', 'JSON', 'QUIET', 'VERBOSE', 'YES', 'DRY_RUN', 'WAIT_LOCK', 'NO_COLOR', 'DEBUG'],
  ...['COMMAND', 'ERROR', 'IMAGE', 'MESSAGE', 'PREVIOUS', 'RELEASE', 'RESULT', 'VERSION'],
].map((name) => `${PREFIX}${name}`);

const given = (env: Environment): string[] => Object.keys(env).filter((name) => name.startsWith(PREFIX) && env[name] !== '');

/** Those that are neither settings nor known otherwise. @param data settings before their references are resolved: ${NAME} is a use too */
export function unknownVariables(
  env: Environment,
  fields: readonly Leaf[],
  data: JsonObject,
): { name: string; near: string | undefined }[] {
  const set = given(env);
  if (set.length === 0) return [];
  const known = [...variables(fields).keys(), ...OTHER_VARIABLES];
  const used = [...JSON.stringify(data).matchAll(/\$\{(\w+)/g)].map(([, name]) => name as string);
  const bare = known.map((name) => name.slice(PREFIX.length));
  return set
    .filter((name) => !known.includes(name) && !used.includes(name))
    .map((name) => {
      const near = nearest(name.slice(PREFIX.length), bare);
      return { name, near: near && `${PREFIX}${near}` };
    });
}

/** One layer for each variable that names a setting. */
export function environmentLayers(env: Environment, fields: readonly Leaf[]): Layer[] {
  const set = given(env);
  if (set.length === 0) return [];
  const known = variables(fields);
  return set.flatMap((name) => {
    const field = known.get(name);
    return field ? [textLayer(field.path, env[name] as string, `$${name}`, field.text)] : [];
  });
}

/** The setting that each variable gives. */
function variables(fields: readonly Leaf[]): Map<string, Leaf> {
  const known = new Map(fields.map((field) => [variableName(field.path), field]));
  for (const rename of pendingRenames({})) {
    const field = known.get(variableName(renamed(rename)));
    if (field) known.set(variableName(rename.from), field);
  }
  known.set('MEDIANEST_BASE_IMAGE', { path: ['images', 'base'], secret: false, text: true, description: '' });
  return known;
}

/** `edge.httpsPort=9443` -> a layer. */
export function assignmentLayer(text: string, fields: readonly Leaf[]): Layer {
  const at = text.indexOf('=');
  if (at < 1) throw new UserError('USAGE', `--set ${text}: should be KEY=VALUE`, 'for example --set edge.httpsPort=9443');
  const key = text.slice(0, at);
  const named = currentPath(key.split('.'));
  const field = fields.find(({ path }) => path.join('.') === named.join('.'));
  return textLayer(named, text.slice(at + 1), `--set ${key}`, field?.text ?? false);
}

const textLayer = (path: readonly string[], text: string, origin: string, isText: boolean): Layer =>
  valueLayer(path, isText ? text : scalar(text, origin), origin);

export function valueLayer(path: readonly string[], value: Json, origin: string): Layer {
  return { origin, data: nested(path, value), locate: () => origin };
}

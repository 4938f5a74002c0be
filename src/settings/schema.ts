import './startup/interpreted.ts';
import * as z from 'zod';
import { type CoreSettings, coreShape } from './core.ts';
import type { SettingsPart } from './part.ts';

/** Validated settings: the core's keys, and one key for each service of the registry (typed by `settingsOf`). */
export type Settings = CoreSettings & Readonly<Record<string, unknown>>;

/** The schema of medianest.yml: the core's keys plus what each service declares. Every key is documented where it is defined. */
export function settingsSchema(registry: readonly SettingsPart[]): z.ZodType<Settings> & z.ZodObject {
  const services = Object.fromEntries(
    registry.map((service) => [service.key, service.settings.prefault({} as never).describe(service.keySummary ?? service.summary)]),
  );
  return z.strictObject({ ...coreShape, ...services }) as unknown as z.ZodType<Settings> & z.ZodObject;
}

interface Definition {
  type: string;
  shape?: Record<string, z.ZodType>;
  innerType?: z.ZodType;
  in?: z.ZodType;
  options?: readonly z.ZodType[];
  element?: z.ZodType;
  valueType?: z.ZodType;
}

/** What a schema describes behind defaults, optionals and transforms. */
function unwrap(schema: z.ZodType): Definition {
  const definition = schema._zod.def as unknown as Definition;
  const inner = definition.innerType ?? definition.in;
  return inner ? unwrap(inner) : definition;
}

/** The part with keys, also where something else may stand instead, such as `false`. */
const keyed = (definition: Definition): Definition => definition.options?.map(unwrap).find(({ shape }) => shape) ?? definition;

/** The keys that are known at a path, for `did you mean`; empty where any key is allowed. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: Definition | undefined = keyed(unwrap(schema));
  for (const key of path) {
    const inner: z.ZodType | undefined = typeof key === 'number' ? at?.element : (at?.shape?.[String(key)] ?? at?.valueType);
    at = inner && keyed(unwrap(inner));
  }
  return Object.keys(at?.shape ?? {});
}

export interface Leaf {
  path: string[];
  secret: boolean;
  /** A text is taken as it stands where it comes from the environment or a flag; other values are read as YAML. */
  text: boolean;
  /** As the schema explains it. */
  description: string;
}

const TEXTS = ['string', 'enum', 'custom'];

/** Every value in the schema, such as `edge.httpsPort`; what has keys of the operator's choice counts as one value. */
export function leaves(schema: z.ZodType, path: string[] = []): Leaf[] {
  const definition = unwrap(schema);
  const { shape } = keyed(definition);
  const itself = {
    path,
    secret: definition.type === 'custom',
    text: TEXTS.includes(definition.type),
    description: schema.description ?? '',
  };
  const inner = Object.entries(shape ?? {}).flatMap(([key, value]) => leaves(value, [...path, key]));
  return definition.shape ? inner : [itself, ...inner];
}

/** Where these settings, not validated yet, have a secret: also below keys of the operator's choice. */
export function secretPaths(schema: z.ZodType, data: unknown, path: string[] = []): string[][] {
  const whole = unwrap(schema);
  // A secret, where a table with one in it may stand instead.
  if (typeof data === 'string' && whole.options?.some((option) => unwrap(option).type === 'custom')) return [path];
  const definition = keyed(whole);
  if (definition.type === 'custom') return [path];
  if (Array.isArray(data))
    return data.flatMap((value, index) => (definition.element ? secretPaths(definition.element, value, [...path, String(index)]) : []));
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).flatMap(([key, value]) => {
    const inner = definition.shape ? (Object.hasOwn(definition.shape, key) ? definition.shape[key] : undefined) : definition.valueType;
    return inner ? secretPaths(inner, value, [...path, key]) : [];
  });
}

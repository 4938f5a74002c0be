import type { JsonObject } from '../../src/core/json.ts';
import { variableName } from '../../src/settings/environment.ts';

interface Schema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  format?: string;
  writeOnly?: boolean;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
}

interface Row {
  path: string[];
  schema: Schema;
}

const choices = (schema: Schema): Schema[] => schema.anyOf ?? schema.oneOf ?? [];

/** The part with keys of its own, also where something else may stand instead, such as `false`. */
const keyed = (schema: Schema): Schema[] => [schema, ...choices(schema)].filter(({ properties }) => properties);

function rows(schema: Schema, path: string[]): Row[] {
  const inner = keyed(schema).flatMap(({ properties }) =>
    Object.entries(properties ?? {}).flatMap(([key, value]) => rows(value, [...path, key])),
  );
  const own = path.length > 0 && (!schema.properties || schema.additionalProperties !== false) ? [{ path, schema }] : [];
  return [...own, ...inner.filter((row, index) => inner.findIndex((other) => other.path.join() === row.path.join()) === index)];
}

function kind(schema: Schema): string {
  if (schema.writeOnly) return 'secret';
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  const alternatives = [...new Set(choices(schema).map(kind))];
  if (alternatives.length > 0) return alternatives.join(' or ');
  if (schema.format)
    return (
      { ipv4: 'IPv4 address', ipv6: 'IPv6 address', cidrv4: 'IPv4 range', cidrv6: 'IPv6 range', uri: 'URL' }[schema.format] ?? schema.format
    );
  if (Array.isArray(schema.type)) return schema.type.join(' or ') === 'string or number' ? 'size' : schema.type.join(' or ');
  if (schema.type === 'array') return `list of ${kind(schema.items ?? {})}`;
  if (schema.type === 'object') return schema.properties && schema.additionalProperties === false ? 'group' : 'names with values';
  if (schema.type === 'integer' || schema.type === 'number') return bounds(schema);
  return { string: 'text', boolean: 'true or false' }[schema.type ?? ''] ?? 'any';
}

function bounds({ minimum, maximum }: Schema): string {
  const largest = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (minimum !== undefined && largest !== undefined) return `${minimum} to ${largest}`;
  return minimum === undefined ? 'number' : `number from ${minimum}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const fallback = ({ default: value }: Schema): string =>
  value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

/** docs/settings.md: every setting, from the schema that also checks it. */
export function settingsDocument(jsonSchema: JsonObject): string {
  const schema = jsonSchema as unknown as Schema;
  const groups = Object.entries(schema.properties ?? {});
  const table = (list: Row[]) =>
    [
      '| setting | value | default | what it is |',
      '| --- | --- | --- | --- |',
      ...list.map(
        ({ path, schema: own }) => `| \`${path.join('.')}\` | ${[kind(own), fallback(own), own.description ?? ''].map(cell).join(' | ')} |`,
      ),
    ].join('\n');
  const single = groups.filter(([, value]) => !keyed(value).length || value.additionalProperties !== false);
  const sections = groups
    .filter((entry) => !single.includes(entry))
    .map(([key, value]) => `## ${key}\n\n${value.description ?? ''}.\n\n${table(rows(value, [key]))}\n`);
  return `# Settings

Everything that \`medianest.yml\` may say. Written from the schema that checks it; a test fails when it is stale
(\`npx vitest run --project golden -u\` writes it again). \`medianest config schema\` prints it for editors.

Later wins: profile, \`medianest.yml\`, environment, flags. The environment's name of a setting is made of its path:
\`edge.httpsPort\` is \`${variableName(['edge', 'httpsPort'])}\`; a flag is \`--set edge.httpsPort=9443\`. A *size* is \`512m\`, \`2g\` or bytes.
A *secret* is a value, \`\${NAME}\` from the environment, or \`file:path\`. The defaults are those of the format; a profile may have others
(\`medianest config show --profile prod\`).

${table(single.flatMap(([key, value]) => rows(value, [key]).filter(({ path }) => path.length === 1)))}

${sections.join('\n')}`;
}

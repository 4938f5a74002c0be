import { stringify } from 'yaml';
import type { Json, JsonObject } from '../../core/json.ts';
import { plainYaml } from './plain-yaml.ts';

/**
 * A Compose file that arrives as it was meant. Every text is quoted: Compose's parser takes YAML 1.1's numbers and
 * dates (`1_000`, `0b1`, `2001-01-01`) for what they look like, and would hand on another value.
 */
export function composeText(document: JsonObject): string {
  const escaped = escapeDollars(document) as JsonObject;
  const text =
    plainYaml(escaped) ??
    stringify(escaped, { lineWidth: 0, aliasDuplicateObjects: false, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' });
  // Line ends and byte order marks of Unicode, which YAML 1.1 folds or refuses where they stand as they are.
  return text.replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Compose interpolates `$`, and nothing here is meant to be: every text is escaped, once. */
function escapeDollars(value: Json): Json {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escapeDollars);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escapeDollars(inner)]));
}

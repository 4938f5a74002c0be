import { UserError } from '../../../core/errors.ts';
import type { SecretPart } from '../../../core/secret-part.ts';
import { didYouMean } from '../../../core/suggest.ts';
import { REFERENCES, type ReferenceFacts } from './references.ts';

/** In this order: braces of templates of the application's own, braces that are meant, a reference. */
const BRACES = /\{\{[^{}]*\}\}|\\\{|\{([A-Za-z]\w*(?:\.\w+)+)\}/g;

const OWN_SECRET = /^secrets\.(\w+?)(\.encoded)?$/;

/**
 * A value of `app.env` in pieces, its references resolved. `{{...}}` stays as it is, and `\{` is a brace.
 * @param setting where it stands, for a refusal @param secrets names of `app.secrets` @param named what the stack calls one of them
 * @throws UserError INVALID_SETTINGS for a reference that nothing has, or that this stack cannot give
 */
export function expand(
  value: string,
  setting: string,
  facts: ReferenceFacts,
  secrets: readonly string[],
  named = (secret: string) => secret,
): SecretPart[] {
  const parts: SecretPart[] = [];
  let end = 0;
  for (const match of value.matchAll(BRACES)) {
    const [whole, name] = match;
    if (whole.startsWith('{{')) continue;
    parts.push(value.slice(end, match.index), ...(name === undefined ? ['{'] : resolve(name, setting, facts, secrets, named)));
    end = match.index + whole.length;
  }
  return joined([...parts, value.slice(end)]);
}

/** Names of what the stack gives, in a value. */
export const referencesIn = (value: string): string[] => [...value.matchAll(BRACES)].flatMap(([, name]) => name ?? []);

/** Whether a value names something that the stack gives. */
export const hasReference = (value: string): boolean => referencesIn(value).length > 0;

function resolve(
  name: string,
  setting: string,
  facts: ReferenceFacts,
  secrets: readonly string[],
  named: (secret: string) => string,
): SecretPart[] {
  const own = OWN_SECRET.exec(name);
  if (own?.[1] && secrets.includes(own[1])) return [{ secret: named(own[1]), as: own[2] ? 'uri' : 'raw' }];
  const reference = REFERENCES.find((entry) => entry.name === name);
  if (!reference) {
    const known = [...REFERENCES.map((entry) => entry.name), ...secrets.map((secret) => `secrets.${secret}`)];
    throw new UserError(
      'INVALID_SETTINGS',
      `${setting}: there is no reference {${name}}; ${didYouMean(name, known)}`,
      'docs/app-contract.md has all of them; write \\{ for a brace that is meant',
    );
  }
  const parts = reference.value(facts);
  if (parts) return parts;
  throw new UserError('INVALID_SETTINGS', `${setting}: this stack has no {${name}}`, reference.without ?? 'leave the reference out');
}

/** Neighbouring texts as one, none of them empty. */
function joined(parts: readonly SecretPart[]): SecretPart[] {
  const all: SecretPart[] = [];
  for (const part of parts) {
    const last = all.at(-1);
    if (part === '') continue;
    if (typeof part === 'string' && typeof last === 'string') all[all.length - 1] = last + part;
    else all.push(part);
  }
  return all;
}

import { createHmac } from 'node:crypto';
import { Secret } from '../../core/secret.ts';
import type { SecretForm } from '../../core/secret-part.ts';
import type { SecretSpec } from '../../stack/types.ts';

/** Secrets as the state folder keeps them: the values that were given or made, and the key of their fingerprints. */
export interface StoredSecrets {
  fingerprintKey: string;
  values: Record<string, { value: string; origin: 'given' | 'generated'; since: string }>;
}

/** Anything else in its place is damaged: taken for none, it would be written over with new passwords. */
export function isStored(value: unknown): value is StoredSecrets {
  const { fingerprintKey, values } = (isObject(value) ? value : {}) as Partial<StoredSecrets>;
  return (
    typeof fingerprintKey === 'string' &&
    isObject(values) &&
    Object.values(values).every((kept) => isObject(kept) && typeof kept.value === 'string')
  );
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

export interface ResolvedSecrets {
  /** Every secret of the stack, the composed ones included. */
  values: Record<string, Secret>;
  /** Keyed (HMAC-SHA-256), so that a label or a file never lets anybody test guesses of a password. */
  fingerprints: Record<string, string>;
  /** The store as it should be kept, and the names in it that are new or changed. */
  store: StoredSecrets;
  changed: string[];
}

/**
 * Gives every secret its value: the operator's, the one kept, or a new one.
 * @param random makes a text of that many random bytes, or an RSA key of so many bits; @param now ISO time for what is new
 * @param renew those of the generated that are to get a new value
 */
export function resolveStackSecrets(
  specs: readonly SecretSpec[],
  stored: StoredSecrets | undefined,
  random: (bytes: number, rsa?: number) => string,
  now: string,
  renew: readonly string[] = [],
): ResolvedSecrets {
  const store: StoredSecrets = { fingerprintKey: stored?.fingerprintKey ?? random(32), values: { ...stored?.values } };
  const changed: string[] = [];
  const keep = (name: string, value: string, origin: 'given' | 'generated') => {
    if (store.values[name]?.value === value) return;
    store.values[name] = { value, origin, since: now };
    changed.push(name);
  };
  const made = (source: { bytes?: number } | { rsa: number }) => ('rsa' in source ? random(0, source.rsa) : random(source.bytes ?? 24));
  for (const { name, source } of specs) {
    if ('given' in source) keep(name, source.given.reveal(), 'given');
    else if ('kept' in source && store.values[name] === undefined) keep(name, source.kept, 'given');
    else if ('generate' in source && (!store.values[name] || renew.includes(name))) keep(name, made(source), 'generated');
  }
  const plain = (name: string): string => store.values[name]?.value ?? '';
  const composed = ({ name, source }: SecretSpec): string => {
    if ('format' in source) return source.format.replace(/\{([\w-]+)\}/g, (_all, part: string) => encodeStrictly(plain(part)));
    if ('parts' in source)
      return source.parts.map((part) => (typeof part === 'string' ? part : WRITTEN[part.as](plain(part.secret)))).join('');
    return plain(name);
  };
  const values = Object.fromEntries(specs.map((spec) => [spec.name, new Secret(composed(spec))]));
  const fingerprints = Object.fromEntries(
    Object.entries(values).map(([name, secret]) => [
      name,
      createHmac('sha256', store.fingerprintKey).update(secret.reveal()).digest('hex').slice(0, 12),
    ]),
  );
  return { values, fingerprints, store, changed };
}

/** RFC 3986: encodeURIComponent leaves !'()* alone, which some connection-address parsers do not. */
const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const WRITTEN: Readonly<Record<SecretForm, (text: string) => string>> = {
  raw: (text) => text,
  uri: encodeStrictly,
  libpq: (text) => `'${text.replace(/['\\]/g, '\\$&')}'`,
};

import { createCipheriv, createDecipheriv, hkdfSync, scryptSync } from 'node:crypto';
import { isSealed, type Sealed } from '../../host/plan/tpm.ts';

// The header beside an encrypted folder: the key of the data, wrapped once for each secret that opens it (a slot). AES-256-GCM
// authenticates what the header says of a slot, so that a changed header opens nothing.

export const FORMAT = 'medianest-storage-1';

/** As long as the kernel takes it for AES-256-XTS. */
export const KEY_BYTES = 64;

export type Unlock = 'file' | 'passphrase' | 'tpm';

export interface Slot {
  id: string;
  kind: Unlock;
  /** scrypt (RFC 7914) of a passphrase; a key file or a TPM has 32 random bytes, which need none. */
  kdf?: { N: number; r: number; p: number; salt: string };
  /** The 32 bytes, as only one TPM opens them. */
  tpm?: Sealed;
  iv: string;
  tag: string;
  data: string;
}

export interface Header {
  format: typeof FORMAT;
  project: string;
  /** The identifier by which the kernel knows the key. */
  key: string;
  slots: Slot[];
}

/** Randomness for one slot. */
export interface SlotRandom {
  id: string;
  iv: Buffer;
  salt: Buffer;
}

const SCRYPT = { N: 2 ** 17, r: 8, p: 1 };

/** The kernel's identifier of a key of version 2 (HKDF-SHA512, fs/crypto/hkdf.c). */
export const identifierOf = (key: Buffer): string =>
  Buffer.from(hkdfSync('sha512', key, Buffer.alloc(0), Buffer.from('fscrypt\0\x01', 'latin1'), 16)).toString('hex');

/** Wraps the key for one secret: a passphrase, or the 32 bytes of a key file or a TPM. @param tpm these, sealed */
export function wrap(key: Buffer, kind: Unlock, secret: Buffer, { id, iv, salt }: SlotRandom, tpm?: Sealed): Slot {
  const slot = { id, kind, ...(kind === 'passphrase' && { kdf: { ...SCRYPT, salt: salt.toString('base64') } }), ...(tpm && { tpm }) };
  const cipher = createCipheriv('aes-256-gcm', wrappingKey(slot, secret), iv);
  cipher.setAAD(bound(identifierOf(key), slot));
  const data = Buffer.concat([cipher.update(key), cipher.final()]);
  return { ...slot, iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data: data.toString('base64') };
}

/** The key; undefined where the secret is another, or the slot was changed. */
export function unwrap(header: Header, slot: Slot, secret: Buffer): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrappingKey(slot, secret), bytes(slot.iv), { authTagLength: 16 });
    decipher.setAAD(bound(header.key, slot));
    decipher.setAuthTag(bytes(slot.tag));
    const key = Buffer.concat([decipher.update(bytes(slot.data)), decipher.final()]);
    return identifierOf(key) === header.key ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where it is no header, or a damaged one. */
export function parseHeader(text: string): Header | undefined {
  let value: Partial<Header> | null;
  try {
    value = JSON.parse(text) as Partial<Header> | null;
  } catch {
    return undefined;
  }
  if (value?.format !== FORMAT || typeof value.project !== 'string' || !/^[0-9a-f]{32}$/.test(String(value.key))) return undefined;
  return Array.isArray(value.slots) && value.slots.length > 0 && value.slots.every(isSlot) ? (value as Header) : undefined;
}

export const headerText = (header: Header): string => `${JSON.stringify(header, null, 1)}\n`;

/** What a header asks of scrypt is bounded: another person may have written it. */
function isSlot(value: unknown): boolean {
  const { id, kind, kdf, tpm, iv, tag, data } = (value ?? {}) as Partial<Slot>;
  if (![id, iv, tag, data].every((text) => typeof text === 'string')) return false;
  if ((kind === 'tpm') !== (tpm !== undefined)) return false;
  if (kind === 'tpm') return kdf === undefined && isSealed(tpm);
  if (kind === 'file') return kdf === undefined;
  return (
    kind === 'passphrase' &&
    kdf !== undefined &&
    typeof kdf.salt === 'string' &&
    [kdf.N, kdf.r, kdf.p].every(Number.isInteger) &&
    isBounded(kdf)
  );
}

const isBounded = ({ N, r, p }: { N: number; r: number; p: number }): boolean =>
  N >= 2 ** 14 && N <= 2 ** 20 && r >= 8 && r <= 16 && p >= 1 && p <= 4;

function wrappingKey({ kdf }: Pick<Slot, 'kdf'>, secret: Buffer): Buffer {
  if (!kdf) return secret;
  const { N, r, p, salt } = kdf;
  return scryptSync(secret, bytes(salt), 32, { N, r, p, maxmem: 256 * N * r });
}

/** What a slot is bound to. */
const bound = (key: string, { id, kind, kdf, tpm }: Pick<Slot, 'id' | 'kind' | 'kdf' | 'tpm'>): Buffer => {
  const sealed = tpm ? [[tpm.public, tpm.private, tpm.pcrs]] : [];
  return Buffer.from(JSON.stringify([FORMAT, key, id, kind, kdf ? [kdf.N, kdf.r, kdf.p, kdf.salt] : null, ...sealed]));
};

const bytes = (text: string): Buffer => Buffer.from(text, 'base64');

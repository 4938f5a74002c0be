import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { FORMAT, type Header, headerText, identifierOf, KEY_BYTES, parseHeader, unwrap, wrap } from '../../../src/storage/plan/header.ts';

const KEY = randomBytes(KEY_BYTES);
const random = (id: string) => ({ id, iv: randomBytes(12), salt: randomBytes(16) });
const PASSPHRASE = Buffer.from('five random words are enough');
const FILE = randomBytes(32);
const slots = [wrap(KEY, 'passphrase', PASSPHRASE, random('a')), wrap(KEY, 'file', FILE, random('b'))] as const;
const header: Header = { format: FORMAT, project: 'home', key: identifierOf(KEY), slots: [...slots] };

test('the identifier is the one that the kernel prints for the same key', () => {
  // `xfs_io -c add_enckey` of Linux 6.18, with the 64 bytes of SHA-512 of nothing as the key.
  expect(identifierOf(createHash('sha512').digest())).toBe('791bec4a57734f7d1e81352905d7f49b');
});

test('a passphrase and a key file open the same key, each its own slot alone', () => {
  expect(unwrap(header, slots[0], PASSPHRASE)).toEqual(KEY);
  expect(unwrap(header, slots[1], FILE)).toEqual(KEY);
  expect(unwrap(header, slots[0], Buffer.from('another passphrase'))).toBeUndefined();
  expect(unwrap(header, slots[1], randomBytes(32))).toBeUndefined();
});

test('neither the key nor a secret is in the header, and it is read as it was written', () => {
  const text = headerText(header);
  for (const secret of [KEY, PASSPHRASE, FILE]) {
    expect(text).not.toContain(secret.toString('base64'));
    expect(text).not.toContain(secret.toString('hex'));
  }
  expect(parseHeader(text)).toEqual(header);
});

test.each([
  ['its name', { id: 'c' }],
  ['its kind', { kind: 'file', kdf: undefined }],
  ['less work for scrypt', { kdf: { ...slots[0].kdf, N: 2 ** 14 } }],
  ['the wrapped key', { data: Buffer.from(slots[0].data, 'base64').fill(0, 0, 1).toString('base64') }],
  ['a short tag', { tag: Buffer.from(slots[0].tag, 'base64').subarray(0, 4).toString('base64') }],
])('a slot with another %s opens nothing', (_what, change) => {
  expect(unwrap(header, { ...slots[0], ...change } as Header['slots'][0], PASSPHRASE)).toBeUndefined();
});

test('a key that is not the one of the header is not given out', () => {
  const other = wrap(randomBytes(KEY_BYTES), 'file', FILE, random('b'));
  expect(unwrap(header, other, FILE)).toBeUndefined();
});

test.each([
  ['cut off', headerText(header).slice(0, 80)],
  ['nothing', 'null'],
  ['no slots', headerText({ ...header, slots: [] })],
  ['no identifier', headerText({ ...header, key: '../../etc' })],
  ['too much memory', headerText({ ...header, slots: [{ ...slots[0], kdf: { N: 2 ** 30, r: 8, p: 1, salt: '' } }] })],
  ['another format', headerText({ ...header, format: 'medianest-storage-2' as typeof FORMAT })],
])('%s is no header', (_what, text) => {
  expect(parseHeader(text)).toBeUndefined();
});

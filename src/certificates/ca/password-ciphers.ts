import { createCipheriv, createDecipheriv, createHash, type Decipher, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type BaseBlock, Constructed, Integer, Null, ObjectIdentifier, OctetString, Sequence } from 'asn1js';
import { decryptRc2 } from './rc2.ts';

/** PKCS #5 and PKCS #12: what a password encrypts (RFC 8018, RFC 7292). A file names its own way, and those that are in use are read. */

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const HMAC_SHA256 = '1.2.840.113549.2.9';
const AES_256 = '2.16.840.1.101.3.4.1.42';
const TRIPLE_DES_SHA1 = '1.2.840.113549.1.12.1.3';

const PBES1: Readonly<Record<string, { keyBytes: number; rc2?: true }>> = {
  [TRIPLE_DES_SHA1]: { keyBytes: 24 },
  '1.2.840.113549.1.12.1.4': { keyBytes: 16 },
  '1.2.840.113549.1.12.1.5': { keyBytes: 16, rc2: true },
  '1.2.840.113549.1.12.1.6': { keyBytes: 5, rc2: true },
};
const CIPHERS: Readonly<Record<string, { name: string; keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  [AES_256]: { name: 'aes-256-cbc', keyBytes: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24 },
};
const HMACS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  [HMAC_SHA256]: 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
/** A file may ask for any number of rounds, and each of them keeps the program busy. */
const MOST_ROUNDS = 5_000_000;

const malformed = () => new Error('it is not built as RFC 7292 says');

/** What is inside a sequence, a set or an explicit tag. @throws Error for anything else */
export function listed(block: BaseBlock): BaseBlock[] {
  if (!(block instanceof Constructed)) throw malformed();
  return block.valueBlock.value;
}

/** The same by its place, from the outside to the inside. @throws Error where there is nothing */
export function inside(block: BaseBlock, ...path: number[]): BaseBlock {
  return path.reduce((outer, index) => {
    const inner = listed(outer)[index];
    if (!inner) throw malformed();
    return inner;
  }, block);
}

export function oidOf(block: BaseBlock): string {
  if (!(block instanceof ObjectIdentifier)) throw malformed();
  return block.getValue();
}

export function bytesOf(block: BaseBlock): Buffer {
  if (!(block instanceof OctetString)) throw malformed();
  return Buffer.from(block.getValue());
}

export function roundsOf(block: BaseBlock): number {
  const rounds = block instanceof Integer ? Number(block.toBigInt()) : 0;
  if (rounds < 1) throw malformed();
  if (rounds > MOST_ROUNDS) throw new Error(`it asks for ${rounds} rounds of its key derivation, and at most ${MOST_ROUNDS} are made`);
  return rounds;
}

const known = <T>(table: Readonly<Record<string, T>>, oid: string): T => {
  const entry = Object.hasOwn(table, oid) ? table[oid] : undefined;
  if (entry === undefined) throw new Error(`it uses ${oid}, which is not known here`);
  return entry;
};

/** @param algorithm an AlgorithmIdentifier @returns undefined where the password is another one @throws Error for a way that is not known */
export function decrypt(algorithm: BaseBlock, data: Buffer, password: string): Buffer | undefined {
  const oid = oidOf(inside(algorithm, 0));
  if (oid === PBES2) return decryptPbes2(inside(algorithm, 1), data, password);
  const { keyBytes, rc2 } = known(PBES1, oid);
  const salt = bytesOf(inside(algorithm, 1, 0));
  const rounds = roundsOf(inside(algorithm, 1, 1));
  const key = deriveKey('sha1', password, salt, 'key', rounds, keyBytes);
  const iv = deriveKey('sha1', password, salt, 'iv', rounds, 8);
  if (rc2) return decryptRc2(key, iv, data);
  return deciphered(createDecipheriv('des-ede3-cbc', tripled(key), iv), data);
}

function decryptPbes2(parameters: BaseBlock, data: Buffer, password: string): Buffer | undefined {
  const derivation = inside(parameters, 0);
  if (oidOf(inside(derivation, 0)) !== PBKDF2) known({}, oidOf(inside(derivation, 0)));
  const hmac = listed(inside(derivation, 1)).find((block) => block instanceof Sequence);
  const { name, keyBytes } = known(CIPHERS, oidOf(inside(parameters, 1, 0)));
  const digest = hmac ? known(HMACS, oidOf(inside(hmac, 0))) : 'sha1';
  const key = pbkdf2Sync(password, bytesOf(inside(derivation, 1, 0)), roundsOf(inside(derivation, 1, 1)), keyBytes, digest);
  return deciphered(createDecipheriv(name, key, bytesOf(inside(parameters, 1, 1))), data);
}

const through = (cipher: { update(data: Buffer): Buffer; final(): Buffer }, data: Buffer) =>
  Buffer.concat([cipher.update(data), cipher.final()]);

function deciphered(cipher: Decipher, data: Buffer): Buffer | undefined {
  try {
    return through(cipher, data);
  } catch {
    return undefined;
  }
}

/** Two keys of DES in place of three. */
const tripled = (key: Buffer) => (key.length === 24 ? key : Buffer.concat([key, key.subarray(0, 8)]));

const PURPOSES = { key: 1, iv: 2, mac: 3 };

/** RFC 7292, appendix B.2. */
export function deriveKey(digest: string, password: string, salt: Buffer, purpose: keyof typeof PURPOSES, rounds: number, length: number) {
  const block = /^sha(384|512)$/.test(digest) ? 128 : 64;
  const words = Buffer.from(`${password}\0`, 'utf16le').swap16();
  const filled = (bytes: Buffer) => Buffer.alloc(block * Math.ceil(bytes.length / block), bytes);
  const input = Buffer.concat([filled(salt), filled(words)]);
  const parts: Buffer[] = [];
  for (let made = 0; made < length; made += (parts.at(-1) as Buffer).length) {
    let hash = createHash(digest).update(Buffer.alloc(block, PURPOSES[purpose])).update(input).digest();
    for (let round = 1; round < rounds; round++) hash = createHash(digest).update(hash).digest();
    parts.push(hash);
    const added = Buffer.alloc(block, hash);
    for (let at = 0; at < input.length; at += block) {
      let sum = 1;
      for (let i = block - 1; i >= 0; i--) {
        sum += (input[at + i] as number) + (added[i] as number);
        input[at + i] = sum & 0xff;
        sum >>= 8;
      }
    }
  }
  return Buffer.concat(parts).subarray(0, length);
}

const sequence = (...value: BaseBlock[]) => new Sequence({ value });
const oid = (value: string) => new ObjectIdentifier({ value });
const octets = (valueHex: Buffer) => new OctetString({ valueHex });
const encrypted = (scheme: string, parameters: Sequence, data: Buffer) => sequence(sequence(oid(scheme), parameters), octets(data));

/** An EncryptedPrivateKeyInfo, as every phone and browser reads it. */
export function encryptTripleDes(key: Buffer, password: string, rounds: number): Sequence {
  const salt = randomBytes(8);
  const [secret, iv] = [deriveKey('sha1', password, salt, 'key', rounds, 24), deriveKey('sha1', password, salt, 'iv', rounds, 8)];
  const parameters = sequence(octets(salt), new Integer({ value: rounds }));
  return encrypted(TRIPLE_DES_SHA1, parameters, through(createCipheriv('des-ede3-cbc', secret, iv), key));
}

/** An EncryptedPrivateKeyInfo: PBES2 with PBKDF2 (SHA-256) and AES-256. */
export function encryptAes(key: Buffer, password: string, rounds: number): Sequence {
  const [salt, iv] = [randomBytes(16), randomBytes(16)];
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(password, salt, rounds, 32, 'sha256'), iv);
  const derivation = sequence(octets(salt), new Integer({ value: rounds }), sequence(oid(HMAC_SHA256), new Null()));
  const parameters = sequence(sequence(oid(PBKDF2), derivation), sequence(oid(AES_256), octets(iv)));
  return encrypted(PBES2, parameters, through(cipher, key));
}

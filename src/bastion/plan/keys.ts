import { createHash } from 'node:crypto';
import { UserError } from '../../core/errors.ts';

/** A public key as OpenSSH writes it, without options and comment. */
export interface PublicKey {
  type: string;
  /** Base64 of its blob (RFC 4253, 6.6). */
  blob: string;
  /** As `ssh-keygen -l` shows it: `SHA256:...`. */
  fingerprint: string;
}

/** What sshd of the bastion accepts (`PubkeyAcceptedAlgorithms` of its configuration). */
const TYPES = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-rsa',
];
const RSA_BITS = 3072;
const MOST = 8;
const LONGEST = 32 * 1024;

export const fingerprintOf = (blob: Buffer): string => `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;

/**
 * The keys of a `.pub` file, one in each line; `#` begins a comment. Options before a key are refused, not ignored: the person who wrote
 * them relies on them.
 * @throws UserError USAGE
 */
export function publicKeysIn(text: string): PublicKey[] {
  if (text.length > LONGEST) throw wrong('the file of keys is too long', 'give a file with one public key');
  if (/-----BEGIN|PuTTY-User-Key-File/.test(text))
    throw wrong('this is a private key', 'give the file that ends in .pub; the private key stays where it is');
  const keys = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(publicKey);
  if (keys.length === 0) throw wrong('there is no public key in it', 'ssh-keygen -t ed25519 makes one');
  if (keys.length > MOST) throw wrong(`there are ${keys.length} keys in it, and ${MOST} are the most`, 'leave old ones out');
  if (new Set(keys.map(({ blob }) => blob)).size < keys.length) throw wrong('a key is in it twice', 'leave one of them out');
  return keys;
}

function publicKey(line: string): PublicKey {
  const [type = '', blob = ''] = line.split(/[ \t]+/);
  if (!TYPES.includes(type)) {
    const key = TYPES.find((known) => line.includes(`${known} `));
    if (key) throw wrong('the key has options before it, and the bastion sets its own', `leave out all that stands before ${key}`);
    const what = JSON.stringify(type.slice(0, 40));
    throw wrong(`${what} is no type of key that the bastion accepts`, `one of ${TYPES.join(', ')}; ssh-keygen -t ed25519 makes one`);
  }
  const bytes = Buffer.from(blob, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(blob) || bytes.toString('base64') !== blob)
    throw wrong('the key is damaged: it is no base64', 'copy it again');
  const parts = partsOf(bytes);
  if (parts?.[0]?.toString() !== type) throw wrong(`the key is damaged: it is no ${type}`, 'copy it again');
  if (type.endsWith('ssh-ed25519') && parts[1]?.length !== 32)
    throw wrong('the key is damaged: it is too short or too long', 'copy it again');
  if (type === 'ssh-rsa' && bitsOf(parts[2]) < RSA_BITS)
    throw wrong(`the RSA key has ${bitsOf(parts[2])} bits, and ${RSA_BITS} are the least`, 'ssh-keygen -t ed25519 makes a better one');
  return { type, blob, fingerprint: fingerprintOf(bytes) };
}

/** A blob is strings with their length before them (RFC 4251, 5); undefined where it is not. */
function partsOf(bytes: Buffer): Buffer[] | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined;
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return parts.length > 1 ? parts : undefined;
}

/** Bits of a positive integer (mpint of RFC 4251). */
function bitsOf(number: Buffer | undefined): number {
  const hex = number?.toString('hex').replace(/^(00)+/, '') ?? '';
  return hex === '' ? 0 : (hex.length / 2 - 1) * 8 + Number.parseInt(hex.slice(0, 2), 16).toString(2).length;
}

const wrong = (what: string, hint: string): UserError => new UserError('USAGE', `--key: ${what}`, hint);

import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { fingerprintOf } from './keys.ts';

/** What stands before the 32 bytes of an Ed25519 key: RFC 8410, 7 (private, PKCS #8) and 4 (public). */
const PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC = Buffer.from('302a300506032b6570032100', 'hex');

export interface HostKey {
  /** As it stands in known_hosts: `ssh-ed25519 AAAA...`. */
  line: string;
  /** `SHA256:...` */
  fingerprint: string;
}

/** Text with its length before it (RFC 4251, 5). */
export function sshString(bytes: Buffer | string): Buffer {
  const body = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** @param seed the secret `bastion-host-key`, base64url of 32 bytes; undefined where it is not that */
export function hostKeyOf(seed: string): HostKey | undefined {
  const bytes = Buffer.from(seed, 'base64url');
  if (bytes.length !== 32) return undefined;
  const key = createPrivateKey({ key: Buffer.concat([PRIVATE, bytes]), format: 'der', type: 'pkcs8' });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(der.subarray(PUBLIC.length))]);
  return { line: `ssh-ed25519 ${blob.toString('base64')}`, fingerprint: fingerprintOf(blob) };
}

/** The key in a blob of RFC 8709; undefined where it is another kind. */
export function ed25519Key(blob: Buffer): KeyObject | undefined {
  const head = sshString('ssh-ed25519');
  if (blob.length !== head.length + 36 || !blob.subarray(0, head.length).equals(head)) return undefined;
  return createPublicKey({ key: Buffer.concat([PUBLIC, blob.subarray(-32)]), format: 'der', type: 'spki' });
}

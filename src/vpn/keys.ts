import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** What stands before the 32 bytes of an X25519 private key in PKCS #8, and of a public key in SPKI (RFC 8410). */
const PRIVATE_START = Buffer.from('302e020100300506032b656e04220420', 'hex');
const KEY_BYTES = 32;

const base64Tail = (der: Buffer): string => der.subarray(-KEY_BYTES).toString('base64');

/** A new pair of keys, as WireGuard writes them. */
export function newKeys(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return {
    privateKey: base64Tail(privateKey.export({ format: 'der', type: 'pkcs8' })),
    publicKey: base64Tail(publicKey.export({ format: 'der', type: 'spki' })),
  };
}

/** The public key of a private one, both in base64. */
export function publicKeyFor(privateKey: string): string {
  const der = Buffer.concat([PRIVATE_START, Buffer.from(privateKey, 'base64')]);
  return base64Tail(createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({ format: 'der', type: 'spki' }));
}

import { createCipheriv, createHmac } from 'node:crypto';

/** Bytes of the server's key (one key for a cipher, one for an HMAC, 64 each), and of a device's (two such pairs). */
export const SERVER_KEY_BYTES = 128;
export const DEVICE_KEY_BYTES = 256;

const USED_BYTES = 32;
const TIMESTAMP = 1;

const pem = (label: string, bytes: Buffer): string => {
  const lines = bytes.toString('base64').match(/.{1,64}/g) as string[];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
};

/** The server's key of tls-crypt-v2 as OpenVPN reads it. @param random SERVER_KEY_BYTES of them */
export const serverKeyText = (random: Buffer): string => pem('OpenVPN tls-crypt-v2 server key', random);

/** The bytes of such a text. @throws Error where it is none */
export function serverKeyIn(text: string): Buffer {
  const [, body = ''] = /-----BEGIN OpenVPN tls-crypt-v2 server key-----\n([\s\S]+?)\n-----END/.exec(text) ?? [];
  const bytes = Buffer.from(body, 'base64');
  if (bytes.length === SERVER_KEY_BYTES) return bytes;
  throw new Error('there is no key of tls-crypt-v2');
}

/**
 * A device's key of tls-crypt-v2: the key itself, and the same wrapped for the server, which so needs to know no device
 * (OpenVPN, doc/tls-crypt-v2.txt, "Client-specific tls-crypt keys").
 * @param random DEVICE_KEY_BYTES of them
 */
export function deviceKeyText(server: Buffer, random: Buffer, now: Date): string {
  const time = Buffer.alloc(9);
  time.writeUInt8(TIMESTAMP);
  time.writeBigUInt64BE(BigInt(Math.floor(now.getTime() / 1000)), 1);
  const plain = Buffer.concat([random, time]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(32 + plain.length + 2);
  const tag = createHmac('sha256', server.subarray(64, 64 + USED_BYTES))
    .update(Buffer.concat([length, plain]))
    .digest();
  const cipher = createCipheriv('aes-256-ctr', server.subarray(0, USED_BYTES), tag.subarray(0, 16));
  const wrapped = Buffer.concat([tag, cipher.update(plain), cipher.final(), length]);
  return pem('OpenVPN tls-crypt-v2 client key', Buffer.concat([random, wrapped]));
}

import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { connect } from 'node:net';
import { ed25519Key, sshString } from './plan/host-key.ts';

const VERSION = 'SSH-2.0-medianest';
const KEXINIT = 20;
const ECDH_INIT = 30;
const ECDH_REPLY = 31;
/** What stands before the 32 bytes of a public X25519 key (RFC 8410, 4). */
const X25519 = Buffer.from('302a300506032b656e032100', 'hex');
const TIMEOUT_MS = 5000;

/**
 * Which host key an SSH server proves to have: a key exchange (RFC 4253, 8; RFC 8731) up to its signature, and no sign-in.
 * @returns the key as known_hosts has it (`ssh-ed25519 AAAA...`)
 * @throws Error with the reason: nothing listens, it speaks something else, or the signature is wrong
 */
export async function askHostKey(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  try {
    const read = reader(socket);
    socket.write(`${VERSION}\r\n`);
    const theirs = await read.line();
    if (!theirs.startsWith('SSH-2.0-')) throw new Error('what answers there is no SSH server');
    const hello = Buffer.concat([
      Buffer.from([KEXINIT]),
      randomBytes(16),
      ...['curve25519-sha256', 'ssh-ed25519'].map((name) => sshString(name)),
      ...Array.from({ length: 2 }, () => sshString('aes256-gcm@openssh.com')),
      ...Array.from({ length: 2 }, () => sshString('hmac-sha2-256-etm@openssh.com')),
      ...Array.from({ length: 2 }, () => sshString('none')),
      ...[sshString(''), sshString('')],
      Buffer.alloc(5),
    ]);
    socket.write(packet(hello));
    const greeting = await read.packet();
    if (greeting[0] !== KEXINIT) throw new Error('the server begins no key exchange');
    const own = generateKeyPairSync('x25519');
    const ownPublic = own.publicKey.export({ format: 'der', type: 'spki' }).subarray(X25519.length);
    socket.write(packet(Buffer.concat([Buffer.from([ECDH_INIT]), sshString(ownPublic)])));
    const reply = await read.packet();
    if (reply[0] !== ECDH_REPLY) throw new Error('the server ends the key exchange');
    const [blob, point, signature] = strings(reply.subarray(1), 3) as [Buffer, Buffer, Buffer];
    const key = ed25519Key(blob);
    if (!key || point.length !== 32) throw new Error('the server has a host key of another kind');
    const publicKey = createPublicKey({ key: Buffer.concat([X25519, point]), format: 'der', type: 'spki' });
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey });
    const hashed = [VERSION, theirs, hello, greeting, blob, ownPublic, point].map((part) => sshString(part));
    const hash = createHash('sha256')
      .update(Buffer.concat([...hashed, mpint(shared)]))
      .digest();
    const [, proof] = strings(signature, 2) as [Buffer, Buffer];
    if (!verify(null, hash, key, proof)) throw new Error('the server cannot prove its host key');
    return `ssh-ed25519 ${blob.toString('base64')}`;
  } finally {
    socket.destroy();
  }
}

/** RFC 4253, 6, before encryption: length, padding to 8 bytes. */
function packet(payload: Buffer): Buffer {
  const padding = 4 + ((8 - ((payload.length + 9) % 8)) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head[4] = padding;
  return Buffer.concat([head, payload, randomBytes(padding)]);
}

/** A positive number without leading zeros, and with one where its first bit is set (RFC 4251, 5). */
function mpint(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const body = bytes.subarray(Math.max(0, first));
  return sshString((body[0] as number) > 127 ? Buffer.concat([Buffer.from([0]), body]) : body);
}

/** @throws RangeError where there are fewer */
function strings(bytes: Buffer, count: number): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; found.length < count; ) {
    const length = bytes.readUInt32BE(at);
    if (at + 4 + length > bytes.length) throw new Error('the server sends no whole message');
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

const LARGEST = 64 * 1024;

/** Lines and packets as they come. */
function reader(socket: ReturnType<typeof connect>) {
  const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let have = Buffer.alloc(0);
  const more = async () => {
    const { value, done } = await chunks.next();
    if (done) throw new Error('the connection was closed');
    have = Buffer.concat([have, value]);
    if (have.length > LARGEST) throw new Error('what answers there is no SSH server');
  };
  const take = async (length: number): Promise<Buffer> => {
    while (have.length < length) await more();
    const taken = have.subarray(0, length);
    have = have.subarray(length);
    return taken;
  };
  return {
    line: async (): Promise<string> => {
      while (!have.includes(10)) await more();
      return (await take(have.indexOf(10) + 1)).toString('latin1').replace(/\r?\n$/, '');
    },
    packet: async (): Promise<Buffer> => {
      const length = (await take(4)).readUInt32BE(0);
      if (length < 2 || length > LARGEST) throw new Error('what answers there is no SSH server');
      const body = await take(length);
      return body.subarray(1, length - (body[0] as number));
    },
  };
}

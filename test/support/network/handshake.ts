import net from 'node:net';
import tls from 'node:tls';

export interface Handshake {
  /** `TLSv1.3`, or what went wrong. */
  outcome: string;
  subject?: string;
}

/** What a client of PostgreSQL says before TLS begins (its manual, "SSL Session Encryption"): length 8, code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

const PATIENCE_MS = 10_000;

/**
 * Shakes hands, and waits whether it lasts: with TLS 1.3 a server says only afterwards that it misses a certificate.
 * @param how `postgres` where TLS begins with a question of PostgreSQL’s own
 */
export async function handshake(
  address: string,
  port: number,
  options: tls.ConnectionOptions,
  how: { postgres?: boolean; lasts?: boolean } = {},
): Promise<Handshake> {
  const socket = await connected(address, port);
  try {
    if (how.postgres) {
      socket.write(SSL_REQUEST);
      const answer = await firstBytes(socket);
      if (answer !== 'S') return { outcome: `no TLS: ${answer}` };
    }
    const secure = tls.connect({ socket, ...options });
    return await new Promise<Handshake>((resolve) => {
      const timer = setTimeout(() => resolve({ outcome: `no answer in ${PATIENCE_MS / 1000} s` }), PATIENCE_MS);
      const end = (handshake: Handshake) => {
        clearTimeout(timer);
        resolve(handshake);
        secure.destroy();
      };
      secure.on('error', (error: NodeJS.ErrnoException) => end({ outcome: error.code ?? error.message }));
      secure.on('close', () => end({ outcome: 'closed' }));
      secure.on('secureConnect', () => {
        const done = { outcome: secure.getProtocol() ?? '', subject: String(secure.getPeerCertificate().subject.CN) };
        if (how.lasts) setTimeout(() => end(done), 1500);
        else end(done);
      });
      secure.resume();
    });
  } finally {
    socket.destroy();
  }
}

/** What a server answers to one who speaks without TLS; empty where it just hangs up. */
export async function plainAnswer(address: string, port: number, question: string): Promise<string> {
  const socket = await connected(address, port);
  try {
    socket.write(question);
    return await firstBytes(socket);
  } finally {
    socket.destroy();
  }
}

function connected(address: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: address, port, timeout: PATIENCE_MS }, () => resolve(socket));
    socket.once('error', reject);
    socket.once('timeout', () => socket.destroy(new Error(`${address}:${port} does not answer`)));
  });
}

function firstBytes(socket: net.Socket): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve('silence'), 3000);
    const end = (text: string) => {
      clearTimeout(timer);
      resolve(text);
    };
    socket.once('data', (chunk: Buffer) => end(chunk.toString('latin1')));
    socket.once('close', () => end(''));
    socket.once('error', () => end(''));
  });
}

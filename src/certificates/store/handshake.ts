import net from 'node:net';
import tls from 'node:tls';
import type { Listener } from '../../stack/types.ts';

export interface Served {
  /** Upper-case hex. */
  serial: string;
  /** Whether an answer of the issuer (OCSP) came with it. */
  stapled: boolean;
}

const PATIENCE = 4000;

/** PostgreSQL's SSLRequest: length, and a code that stands where a version would. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** The address cannot be reached from this machine: the engine is in a virtual machine, or on another one. */
const AWAY = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'];

/** A real handshake, up to the certificate that is served there; undefined if nothing speaks TLS there, `away` if nothing answers. */
export async function askCertificate(
  address: string,
  { port, protocol }: Listener,
  servername: string,
): Promise<Served | 'away' | undefined> {
  const socket = net.connect({ host: address, port });
  socket.setTimeout(PATIENCE, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
  try {
    await event(socket, 'connect');
  } catch (error) {
    socket.destroy();
    return AWAY.includes((error as NodeJS.ErrnoException).code ?? '') ? 'away' : undefined;
  }
  try {
    if (protocol === 'postgres') {
      socket.write(SSL_REQUEST);
      const [answer] = (await event(socket, 'data')) as [Buffer];
      if (answer.toString() !== 'S') return undefined;
    }
    return await greet(socket, servername);
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

function greet(socket: net.Socket, servername: string): Promise<Served | undefined> {
  return new Promise((resolve) => {
    let stapled = false;
    // This verifies no trust, so the system's roots need not be read, which takes longer than the handshake.
    const options: tls.ConnectionOptions & { requestOCSP: boolean } = { socket, rejectUnauthorized: false, requestOCSP: true, ca: [] };
    // An address is no server name (RFC 6066). Node.js looks at each name once more, by an expression that takes it 3 ms to compile.
    if (!/^[\d.]+$|:/.test(servername)) options.servername = servername;
    const secure = tls.connect(options);
    // Whom it asks for a certificate in turn may be refused, but not before its own was shown.
    const tell = () => {
      const serial = secure.getPeerX509Certificate()?.serialNumber;
      resolve(serial === undefined ? undefined : { serial, stapled });
    };
    secure.on('OCSPResponse', (response: Buffer | null) => {
      stapled = response !== null && response.length > 0;
    });
    secure.once('secureConnect', tell);
    secure.once('error', tell);
    secure.once('close', tell);
  });
}

function event(socket: net.Socket, name: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    socket.once(name, (...values) => resolve(values));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** What a receiver was sent. */
export interface Received {
  /** Milliseconds since 1970. */
  at: number;
  method: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface WebReceiver {
  port: number;
  received: Received[];
  close(): Promise<void>;
}

/** A receiver on this host. @param status what it answers with; `hangs`: nothing, ever @param address the loopback, unless containers call it */
export async function webReceiver(status: number | 'hangs', address = '127.0.0.1'): Promise<WebReceiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      received.push({ at: Date.now(), method, path, headers, body: Buffer.concat(parts).toString('utf8') });
      if (status !== 'hangs') response.writeHead(status).end('ok');
    });
  });
  server.listen(0, address);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, received, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

export interface MailReceiver {
  port: number;
  /** Whole messages. */
  received: string[];
  /** For each of them: by TLS, and by which user. */
  sessions: { secure: boolean; user: string | undefined }[];
  close(): Promise<void>;
}

/** What a mail server shows where STARTTLS is asked for, and whom it lets in. */
export interface MailTls {
  certificate: string;
  privateKey: string;
  user: string;
  password: string;
}

/** A mail server; without `tls` it offers none. @param at the loopback and a port of its own, unless containers call it */
export async function mailReceiver(tls?: MailTls, { address = '127.0.0.1', port: asked = 0 } = {}): Promise<MailReceiver> {
  const received: string[] = [];
  const sessions: MailReceiver['sessions'] = [];
  const server = new SMTPServer({
    ...(tls
      ? {
          key: tls.privateKey,
          cert: tls.certificate,
          onAuth: ({ username, password }, _session, done) =>
            username === tls.user && password === tls.password ? done(null, { user: username }) : done(new Error('refused')),
        }
      : { authOptional: true, disabledCommands: ['STARTTLS'] }),
    onData: (stream, { secure, user }, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        received.push(Buffer.concat(parts).toString('utf8'));
        sessions.push({ secure, user });
        done();
      });
    },
  });
  // A client that refuses the certificate ends the handshake.
  server.on('error', () => {});
  server.listen(asked, address);
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return { port, received, sessions, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A port of the loopback that is free now. */
export async function freePort(): Promise<number> {
  const { port, close } = await webReceiver(200);
  await close();
  return port;
}

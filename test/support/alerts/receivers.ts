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
  close(): Promise<void>;
}

/** A mail server on the loopback, without TLS. */
export async function mailReceiver(): Promise<MailReceiver> {
  const received: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _session, done) => {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        received.push(Buffer.concat(parts).toString('utf8'));
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return { port, received, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A port of the loopback that is free now. */
export async function freePort(): Promise<number> {
  const { port, close } = await webReceiver(200);
  await close();
  return port;
}

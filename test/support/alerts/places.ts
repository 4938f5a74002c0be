import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server outside the stack. It takes lines as Elasticsearch does. */
export interface Place {
  /** The status that it answers with. */
  answer: number;
  port: number;
  close(): void;
}

/** @param body of its answers, but of those to lines that it takes */
export async function place(answer: number, body = 'ok'): Promise<Place> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    // A line says what follows, and the next one is it: each of these has its place in the answer.
    const documents = Buffer.concat(parts).toString('latin1').split('\n').filter(Boolean).length / 2;
    const items = Array.from({ length: documents }, () => ({ create: { status: 201 } }));
    const taken = found.answer === 200 && request.url?.includes('/_bulk');
    response.writeHead(found.answer).end(taken ? JSON.stringify({ took: 1, errors: false, items }) : body);
  });
  const found: Place = {
    answer,
    port: 0,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  found.port = (server.address() as AddressInfo).port;
  return found;
}

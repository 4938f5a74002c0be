import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LogTarget } from '../../../src/agent/config.ts';
import { storeClient } from '../../../src/agent/logs/store-client.ts';
import { run } from '../../support/cli.ts';
import { ElasticsearchDouble } from '../../support/logs/elasticsearch.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const folder = temporaryFolder('store-client');
const tls = { key: path.join(folder, 'key.pem'), cert: path.join(folder, 'cert.pem') };
const store = new ElasticsearchDouble();
let port: number;

beforeAll(async () => {
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=store'],
    ...['-addext', 'subjectAltName=DNS:logs.lan,IP:192.0.2.7', '-keyout', tls.key, '-out', tls.cert],
  ]);
  expect(made.status).toBe(0);
  port = await store.listen(0, tls);
});
afterAll(() => store.close());

/** Asks a store by the name of its settings; the connection goes where the way out is. */
async function ask(host: string, ca: boolean): Promise<number | string> {
  const target: LogTarget = {
    kind: 'elasticsearch',
    url: `https://${host}:${port}`,
    connect: { host: '127.0.0.1', port },
    ...(ca && { ca: 'ca' }),
  };
  const client = storeClient(target, () => readFileSync(tls.cert, 'utf8'));
  const answer = await client.json('PUT', '/_ilm/policy/x', {}, new AbortController().signal).then(
    ({ status }) => status,
    (error: Error) => error.message,
  );
  client.close();
  return answer;
}

it('takes a certificate by the CA of the settings, for the name or the address of the settings, wherever the connection goes', async () => {
  expect(await ask('logs.lan', true)).toBe(400);
  expect(await ask('192.0.2.7', true)).toBe(400);
});

it('takes no other: of another name, of another address, by a CA that it does not know', async () => {
  expect(await ask('other.lan', true)).toMatch(/does not match certificate's altnames/);
  expect(await ask('192.0.2.8', true)).toMatch(/does not match certificate's altnames|is not in the cert's list/);
  expect(await ask('logs.lan', false)).toMatch(/self-signed certificate/);
});

describe('a store that takes the connection is away where', () => {
  const drip = (socket: net.Socket, text: string) => {
    const timer = setInterval(() => socket.write(text), 50);
    socket.on('error', () => {}).on('close', () => clearInterval(timer));
  };
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n';
  const cases: [string, (socket: net.Socket) => void, RegExp, scheme?: string][] = [
    ['it never reads', (socket) => socket.pause(), /^no answer in 0.5 s$/],
    ['it never answers', () => {}, /^no answer in 0.5 s$/],
    ['it never begins TLS', () => {}, /^no answer in 0.5 s$/, 'https'],
    ['its answer stops', (socket) => socket.write(`${head}part`), /^(aborted|no answer in 0.5 s)$/],
    [
      'its answer drips',
      (socket) => {
        socket.write(head);
        drip(socket, 'x');
      },
      /^(aborted|no answer in 0.5 s)$/,
    ],
    ['it only announces an answer', (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'), /^no answer in 0.5 s$/],
    ['it ends half-way', (socket) => socket.end(`${head}part`), /^aborted$/],
    [
      'it changes the protocol',
      (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      /^it closed the connection without an answer$/,
    ],
  ];
  it.each(cases)(
    '%s',
    async (_case, answer, expected, scheme = 'http') => {
      const sockets: net.Socket[] = [];
      const server = net.createServer((socket) => {
        sockets.push(socket.on('error', () => {}).resume());
        answer(socket);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port: at } = server.address() as AddressInfo;
      const target: LogTarget = { kind: 'elasticsearch', url: `${scheme}://127.0.0.1:${at}`, connect: { host: '127.0.0.1', port: at } };
      const client = storeClient(target, () => '', 500);
      onTestFinished(() => {
        client.close();
        for (const socket of sockets) socket.destroy();
        server.close();
      });
      const told = client.ndjson('/_bulk', 'x'.repeat(8_000_000), new AbortController().signal);
      await expect(told).rejects.toThrow(expected);
    },
    5_000,
  );
});

import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import net from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { askEdge, readEdge } from '../../../src/compliance/gather/edge.ts';
import { judgePlain, judgeVersions } from '../../../src/compliance/plan/asvs-edge.ts';
import { edgeLines } from '../../../src/compliance/plan/log-lines.ts';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { CASES, load, stackOf } from '../../support/settings.ts';

let pair: { cert: string; key: string };
beforeAll(async () => {
  const spec = { name: 'edge', subjects: ['shop.example'], issuer: 'internal-ca', days: 1 };
  const issued = await internalCa({ load: () => undefined, save: () => {} }, 'test').issue(spec, new Date());
  pair = { cert: issued.certificate + issued.chain, key: issued.privateKey };
});

const servers: net.Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listening(server: net.Server): Promise<{ host: string; port: number; name: string }> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, name: 'shop.example' };
}

async function edge(tls: https.ServerOptions = {}, status = 200) {
  const seen: { method: string | undefined; origin: string | undefined; bytes: number }[] = [];
  const server = https.createServer({ ...pair, ...tls }, (request, response) => {
    const asked = { method: request.method, origin: request.headers.origin, bytes: 0 };
    seen.push(asked);
    request.on('data', (part: Buffer) => (asked.bytes += part.length));
    if (Number(request.headers['content-length'] ?? 0) > 1e9) return void response.writeHead(413, { connection: 'close' }).end();
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end('<p>');
  });
  return { place: await listening(server), seen };
}

describe('what the edge is seen to do', () => {
  it('is asked by real handshakes, with a foreign origin, and gets no body', async () => {
    const { place, seen } = await edge();
    const plain = await listening(http.createServer((_, response) => response.writeHead(301, { location: 'https://shop.example/' }).end()));
    const found = await askEdge(place, plain, true);
    expect(found).toMatchObject({
      at: `https://127.0.0.1:${place.port}`,
      versions: { TLSv1: false, 'TLSv1.1': false, 'TLSv1.2': true, 'TLSv1.3': true },
      preferred: 'TLSv1.3',
      cipher: expect.stringContaining('GCM'),
      trusted: expect.stringMatching(/SELF_SIGNED|ISSUER/),
      page: { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } },
      oversized: 413,
    });
    expect([judgeVersions(found).verdict, judgePlain(found).verdict]).toEqual(['met', 'met']);
    expect(seen.map(({ method }) => method).sort()).toEqual(['GET', 'POST']);
    expect(seen.find(({ method }) => method === 'GET')?.origin).toBe('https://foreign.invalid');
    expect(seen.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(0);
  });
  it('is asked through the front where it shares its ports', async () => {
    const { place } = await edge();
    const stack = stackOf(load(CASES.shared));
    const service = stack.services.find(({ name }) => name === 'edge');
    for (const port of service?.front?.ports ?? []) Object.assign(port, { address: '127.0.0.1', host: place.port });
    const running = { service: 'edge', state: 'running', ports: [] } as Partial<ObservedContainer> as ObservedContainer;
    expect(await readEdge(stack, [running])).toMatchObject({ at: `https://127.0.0.1:${place.port}`, preferred: 'TLSv1.3' });
  });
  it('tells of a server that accepts TLS 1.0', async () => {
    const { place } = await edge({ minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' });
    const found = await askEdge(place, undefined, false);
    expect(found.versions).toEqual({ TLSv1: true, 'TLSv1.1': true, 'TLSv1.2': true, 'TLSv1.3': true });
    expect(judgeVersions(found)).toMatchObject({ verdict: 'open', evidence: expect.stringContaining('TLSv1, TLSv1.1') });
  });
  it('does not take silence for the refusal of an old version', async () => {
    const secure = https.createServer(pair, (_, response) => response.end());
    const held: net.Socket[] = [];
    let connections = 0;
    // The second and third connections offer TLS 1.0 and 1.1.
    const place = await listening(
      net.createServer((socket) => {
        connections++;
        socket.on('error', () => {});
        if (connections === 2 || connections === 3) held.push(socket);
        else secure.emit('connection', socket);
      }),
    );
    const found = await askEdge(place, undefined, true);
    for (const socket of held) socket.destroy();
    expect(found.versions).toEqual({ TLSv1: undefined, 'TLSv1.1': undefined, 'TLSv1.2': true, 'TLSv1.3': true });
    expect(judgeVersions(found).verdict).toBe('cannot-tell');
  });
  it('is not known where nothing listens, nothing speaks TLS, or no request is answered', async () => {
    const gone = await listening(net.createServer());
    await new Promise((resolve) => servers.pop()?.close(resolve));
    await expect(askEdge(gone, undefined, true)).rejects.toThrow(/nothing speaks TLS .*ECONNREFUSED/);
    const plain = await listening(http.createServer((_, response) => response.end()));
    await expect(askEdge(plain, undefined, true)).rejects.toThrow(/nothing speaks TLS/);
    const rude = await listening(https.createServer(pair, (request) => request.socket.destroy()));
    await expect(askEdge(rude, undefined, true)).rejects.toThrow(/answers no request/);
  });
});

describe('what lines of the edge say of visitors', () => {
  const line = (more: object) => JSON.stringify({ time: 'x', path: '/a', client: '192.0.2.1', agent: 'curl', ...more });
  it.each([
    [['nginx: started'], undefined],
    [[], undefined],
    [['null', '[]', '3', line({})], { client: true, query: false, agent: true }],
    [[line({ client: '', agent: '' })], { client: false, query: false, agent: false }],
    [[line({}), line({ path: '/a?token=1' })], { client: true, query: true, agent: true }],
  ])('%s', (lines, said) => {
    expect(edgeLines(lines)).toEqual(said);
  });
});

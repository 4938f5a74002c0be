import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

let edge: EdgeBench;
beforeAll(async () => {
  edge = await edgeBench('edge-limits');
});
afterAll(() => edge.destroy());

/** Settings under which a test may play many clients. */
const configured = async (more = '') =>
  expect(await edge.configure(`edge: { trustedProxies: ["${edge.self}"]${more && `, ${more}`} }`)).toMatchObject({ status: 0 });
const from = (client: string, path = '/echo', method = 'GET') => edge.ask(path, { method, headers: { 'x-forwarded-for': client } });
/** How many of so many requests, all at once, were served. */
const served = async (times: number, ask: () => Promise<{ status: number }>) =>
  (await Promise.all(Array.from({ length: times }, ask))).filter(({ status }) => status === 200).length;

describe('the rate of one client', () => {
  it('is limited, with a burst, and tells when to come back; others are served', async () => {
    await configured('rateLimit: { perSecond: 1, burst: 5 }');
    expect(await served(12, () => from('192.0.2.1'))).toBe(6);
    expect(await from('192.0.2.1')).toMatchObject({ status: 429, headers: { 'retry-after': '10', 'content-type': 'application/json' } });
    expect(await served(3, () => from('192.0.2.2'))).toBe(3);
  });

  it('counts for all addresses of an IPv6 network /64, and for no neighbour', async () => {
    await configured('rateLimit: { perSecond: 1, burst: 2 }');
    let host = 1;
    expect(await served(9, () => from(`2001:db8:0:1::${host++}`))).toBe(3);
    expect(await served(3, () => from('2001:db8:0:2::1'))).toBe(3);
    // The same IPv4 client, however it is written.
    expect(await served(3, () => from('198.51.100.7'))).toBe(3);
    expect((await from('::ffff:198.51.100.7')).status).toBe(429);
    expect((await from('::ffff:198.51.100.8')).status).toBe(200);
  });

  it('is generous unless told otherwise, and free where it is switched off', async () => {
    await configured();
    expect(await served(200, () => from('192.0.2.3'))).toBe(200);
    await configured('rateLimit: false, connections: 0');
    expect(await served(400, () => from('192.0.2.4'))).toBe(400);
  });
});

describe('signing in', () => {
  it('is limited more strictly, reading is not', async () => {
    await configured('login: { paths: [/api/session, /login], perMinute: 2, burst: 3 }');
    expect(await served(8, () => from('192.0.2.5', '/api/session', 'POST'))).toBe(4);
    expect((await from('192.0.2.5', '/login', 'PUT')).status).toBe(429);
    // However the path is written.
    expect((await from('192.0.2.5', '/api//%73ession', 'POST')).status).toBe(429);
    expect(await served(8, () => from('192.0.2.5', '/api/session'))).toBe(8);
    expect(await served(8, () => from('192.0.2.5', '/api/requests', 'POST'))).toBe(8);
    await configured('login: false');
    expect(await served(40, () => from('192.0.2.5', '/api/session', 'POST'))).toBe(40);
  });
});

describe('connections of one client', () => {
  it('are limited', async () => {
    await edge.tell({ '/slow': { delay: 1000, body: 'slow' } });
    await configured('connections: 4');
    expect(await served(10, () => from('192.0.2.6', '/slow'))).toBe(4);
    expect(await served(4, () => from('192.0.2.6', '/slow'))).toBe(4);
  });
});

describe('floods', () => {
  const size = (bytes: number) => ({ method: 'POST', body: Buffer.alloc(bytes) });

  it('a body that is too large is refused, announced or not; an upload may be larger', async () => {
    await configured('bodyLimit: 1m');
    expect((await edge.ask('/echo', size(1024 ** 2))).status).toBe(200);
    const refused = await edge.ask('/echo', { ...size(1024 ** 2 + 1), headers: { accept: 'text/html' } });
    expect(refused.status).toBe(413);
    expect(refused.body.toString()).toContain('That is too large');
    const chunked = await edge
      .ask('/echo', { ...size(3 * 1024 ** 2), headers: { 'transfer-encoding': 'chunked' } })
      .catch((error: NodeJS.ErrnoException) => error);
    // A client that goes on sending may meet the closed connection first.
    expect('status' in chunked ? chunked.status : chunked.code).toBeOneOf([413, 'EPIPE', 'ECONNRESET']);
    const upload = await edge.ask('/api/uploads', size(3 * 1024 ** 2));
    expect(JSON.parse(upload.body.toString())).toMatchObject({ bytes: 3 * 1024 ** 2 });
  });

  it('headers and addresses that are too long are refused with their own pages', async () => {
    const headers = { accept: 'text/html', 'x-flood': 'x'.repeat(20_000) };
    const answer = await edge.ask('/echo', { headers });
    expect(answer.status).toBe(431);
    expect(answer.body.toString()).toContain('431 ·');
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x-flood-${i}`, 'x'.repeat(1500)]));
    expect((await edge.ask('/echo', { headers: many })).status).toBe(431);
    expect((await edge.ask(`/${'x'.repeat(20_000)}`)).status).toBe(414);
  });
});

describe('slow clients', () => {
  /** Opens connections, some of them with TLS, that send a little of something now and then and never end it. */
  async function dribble(count: number, encrypted: number, start: string): Promise<{ open(): number; end(): void }> {
    const sockets: net.Socket[] = [];
    const connect = (_: unknown, index: number) =>
      new Promise<void>((resolve) => {
        const begin = () => {
          socket.write(start);
          resolve();
        };
        const socket: net.Socket =
          index < encrypted
            ? tls.connect({ host: edge.address, port: 8443, servername: 'localhost', rejectUnauthorized: false }, begin)
            : net.connect({ host: edge.address, port: 8080 }, begin);
        socket.on('error', () => resolve());
        socket.resume();
        sockets.push(socket);
      });
    await Promise.all(Array.from({ length: count }, connect));
    const timer = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('X');
    }, 3000);
    return {
      open: () => sockets.filter((socket) => !socket.destroyed && socket.writable).length,
      end: () => {
        clearInterval(timer);
        for (const socket of sockets) socket.destroy();
      },
    };
  }

  it('with half a header cannot keep others out, and are let go', async () => {
    await configured();
    const slow = await dribble(4000, 2000, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    const atOnce = slow.open();
    const started = Date.now();
    const others = await served(50, () => from('192.0.2.7'));
    const took = Date.now() - started;
    await expect.poll(() => slow.open(), { timeout: 20_000 }).toBe(0);
    slow.end();
    expect({ others, quick: took < 2000 }).toEqual({ others: 50, quick: true });
    expect(atOnce).toBeGreaterThan(3500);
    expect((await edge.exec(['healthcheck'])).status).toBe(0);
  });

  it('with half a body are limited by their number', async () => {
    await configured();
    const slow = await dribble(2000, 400, 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n');
    expect(await served(50, () => from('192.0.2.8'))).toBe(50);
    await expect.poll(() => slow.open(), { timeout: 20_000 }).toBeLessThanOrEqual(256);
    slow.end();
  });
});

describe('a disk that has less free than the reserve', () => {
  const reserved = async (mode: string, reserve: string) => {
    expect(await edge.configure(`diskReserve: ${reserve}\nedge: { waf: { mode: ${mode} } }`)).toMatchObject({ status: 0 });
    // As the engine runs it every ten seconds.
    await docker(['exec', edge.container, 'healthcheck']);
  };
  it('refuses uploads and serves everything else, also what was uploaded', async () => {
    await edge.tell({ '/api/uploads/7': { body: 'a film' } });
    for (const mode of ['block', 'off']) {
      await reserved(mode, '900000g');
      const refused = await edge.ask('/api/uploads', { method: 'POST', body: 'x', headers: { accept: 'text/html' } });
      expect([mode, refused.status]).toEqual([mode, 507]);
      expect(refused.body.toString()).toContain('There is no room left');
      expect((await edge.ask('/api/uploads/7')).body.toString()).toBe('a film');
      expect((await edge.ask('/echo', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).status).toBe(200);
      await reserved(mode, '1m');
      expect((await edge.ask('/api/uploads', { method: 'POST', body: 'x' })).status).toBe(200);
    }
  });
});

import http from 'node:http';
import http2 from 'node:http2';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type Answer, type EdgeBench, edgeBench } from '../../support/edge/edge.ts';
import { observatoryScore } from '../../support/edge/observatory.ts';

let edge: EdgeBench;
beforeAll(async () => {
  edge = await edgeBench('edge');
});
afterAll(() => edge.destroy());

const echo = (answer: Answer) => JSON.parse(answer.body.toString()) as { name: string; headers: Record<string, string>; bytes: number };
const configured = async (file: string) => expect(await edge.configure(file)).toMatchObject({ status: 0 });

/** The version and cipher that a client gets which offers only these, or the error. */
const handshake = (options: tls.ConnectionOptions): Promise<string> =>
  new Promise((resolve) => {
    const socket = tls.connect({ host: edge.address, port: 8443, servername: 'localhost', rejectUnauthorized: false, ...options }, () => {
      resolve(`${socket.getProtocol()} ${socket.getCipher().name} ${socket.alpnProtocol}`);
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });

describe('TLS', () => {
  it('speaks 1.3 and 1.2 with forward secrecy, nothing older or weaker', async () => {
    await configured('');
    expect(await handshake({ minVersion: 'TLSv1.3' })).toMatch(/^TLSv1.3/);
    expect(await handshake({ maxVersion: 'TLSv1.2' })).toMatch(/^TLSv1.2 ECDHE-ECDSA-(AES|CHACHA)/);
    expect(await handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).toMatch(/^E|alert/);
    expect(await handshake({ maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })).toMatch(/^E|alert/);
  });

  it('speaks 1.3 alone where that is asked for', async () => {
    await configured('edge: { tls: { ciphers: modern } }');
    expect(await handshake({ minVersion: 'TLSv1.3' })).toMatch(/^TLSv1.3/);
    expect(await handshake({ maxVersion: 'TLSv1.2' })).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  /** What openssl, in the edge's own image, is told in a handshake. */
  const client = async (...args: string[]) => {
    const script = 'openssl s_client -connect 127.0.0.1:8443 -servername localhost "$@" </dev/null 2>&1';
    return (await edge.exec(['bash', '-c', script, 'client', ...args])).stdout;
  };

  it('agrees on the hybrid group with clients that know it, and on others with the rest', async () => {
    await configured('');
    const group = async (...args: string[]) =>
      /Negotiated TLS1.3 group: (\S+)|Peer Temp Key: (\S+)/
        .exec(await client(...args))
        ?.slice(1)
        .join('');
    expect(await group()).toBe('X25519MLKEM768');
    expect(await group('-groups', 'X25519MLKEM768:X25519')).toBe('X25519MLKEM768');
    expect(await group('-groups', 'X25519MLKEM768')).toBe('X25519MLKEM768');
    expect(await group('-groups', 'X25519')).toMatch(/^X25519/i);
    expect(await client('-tls1_2')).toMatch(/Protocol *: TLSv1\.2|New, TLSv1\.2/);
  });

  it('sends what the issuer says along with the very first handshake after a start and after a reload', async () => {
    const said = async () => /OCSP (?:Response Status|response): (.+)/i.exec(await client('-status'))?.[1];
    for (let times = 0; times < 3; times++) {
      expect((await docker(['restart', edge.container])).status).toBe(0);
      await expect.poll(async () => (await edge.exec(['healthcheck'])).status, { timeout: 20_000, interval: 200 }).toBe(0);
      expect(await said()).toBe('successful (0x0)');
      await configured(`edge: { headers: { X-Turn: "${times}" } }`);
      expect(await said()).toBe('successful (0x0)');
    }
    await configured('');
  });

  it('speaks HTTP/2', async () => {
    expect(await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).toMatch(/ h2$/);
    const session = http2.connect(`https://${edge.address}:8443`, { servername: 'localhost', rejectUnauthorized: false });
    const stream = session.request({ ':path': '/echo', ':authority': 'localhost:8443' });
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    session.close();
    expect(JSON.parse(Buffer.concat(parts).toString())).toMatchObject({
      headers: { host: 'localhost:8443', 'x-forwarded-host': 'localhost:8443' },
    });
  });
});

/** Plain HTTP to one of the edge's ports. */
const plain = (port: number, headers: Record<string, string>): Promise<{ status: number; location: string | undefined; empty: string[] }> =>
  new Promise((resolve, reject) => {
    http
      .get({ host: edge.address, port, path: '/a?b=c', headers }, (res) => {
        res.resume();
        const empty = Object.keys(res.headers).filter((name) => !res.headers[name]);
        resolve({ status: res.statusCode ?? 0, location: res.headers.location, empty });
      })
      .on('error', reject);
  });

describe('names', () => {
  it('sends plain HTTP to HTTPS, on either port', async () => {
    await configured('edge: { httpsPort: 443, hsts: true }');
    expect(await plain(8080, { host: 'localhost' })).toEqual({ status: 308, location: 'https://localhost/a?b=c', empty: [] });
    await configured('');
    expect(await plain(8080, { host: 'localhost' })).toEqual({ status: 308, location: 'https://localhost:8443/a?b=c', empty: [] });
    expect(await plain(8443, { host: 'localhost' })).toEqual({ status: 308, location: 'https://localhost:8443/a?b=c', empty: [] });
  });

  it('names the port that the world sees, and the published one to who came by that', async () => {
    await configured('edge: { domains: [media.example.org], publicPort: 443 }');
    const sentTo = async (host: string, port = 8080) => (await plain(port, { host })).location;
    expect(await sentTo('media.example.org')).toBe('https://media.example.org/a?b=c');
    expect(await sentTo('media.example.org:80')).toBe('https://media.example.org/a?b=c');
    expect(await sentTo('media.example.org:8080')).toBe('https://media.example.org:8443/a?b=c');
    expect(await sentTo('media.example.org', 8443)).toBe('https://media.example.org/a?b=c');
    expect(await sentTo('localhost')).toBe('https://localhost:8443/a?b=c');
    expect(await sentTo('[::1]')).toBe('https://[::1]:8443/a?b=c');
    const told = async (host: string) => echo(await edge.ask('/echo', { headers: { host } })).headers['x-forwarded-port'];
    expect([await told('media.example.org'), await told('media.example.org:8443')]).toEqual(['443', '8443']);
    await configured('edge: { domains: [media.example.org], publicPort: 4443 }');
    expect(await sentTo('media.example.org')).toBe('https://media.example.org:4443/a?b=c');
  });

  it('tells any other name 421', async () => {
    expect(await plain(8080, { host: 'evil.example' })).toMatchObject({ status: 421 });
    expect(await edge.ask('/', { headers: { host: 'evil.example' } })).toMatchObject({ status: 421 });
  });
});

describe('the application is told', () => {
  const lies = {
    'x-forwarded-for': '1.2.3.4',
    'x-real-ip': '1.2.3.4',
    'x-forwarded-proto': 'http',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-port': '1',
    forwarded: 'for=1.2.3.4',
    'cf-connecting-ip': '1.2.3.4',
  };
  const truth = (client: string, port: string) => ({
    'x-forwarded-for': client,
    'x-real-ip': client,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'localhost',
    'x-forwarded-port': port,
  });

  it('the client’s own address, whatever the client says', async () => {
    await configured('');
    const { headers } = echo(await edge.ask('/echo', { headers: lies }));
    expect(headers).toMatchObject(truth(edge.self, '8443'));
    expect(headers).not.toHaveProperty('forwarded');
  });

  it('what a trusted proxy says about its client', async () => {
    await configured(`edge: { trustedProxies: ["${edge.self}"] }`);
    expect(echo(await edge.ask('/echo', { headers: lies })).headers).toMatchObject(truth('1.2.3.4', '1'));
    // Only the last hop that is not itself trusted.
    const chain = { 'x-forwarded-for': `9.9.9.9, 2001:db8::7, ${edge.self}` };
    expect(echo(await edge.ask('/echo', { headers: chain })).headers).toMatchObject(truth('2001:db8::7', '8443'));
    await configured(`edge: { trustedProxies: ["${edge.self}/32"], clientAddressHeader: CF-Connecting-IP }`);
    const own = { 'x-forwarded-for': '9.9.9.9', 'cf-connecting-ip': '5.6.7.8' };
    expect(echo(await edge.ask('/echo', { headers: own })).headers).toMatchObject(truth('5.6.7.8', '8443'));
  });

  it('nothing by a proxy that is not among the trusted', async () => {
    await configured('edge: { trustedProxies: [192.0.2.0/24] }');
    expect(echo(await edge.ask('/echo', { headers: lies })).headers).toMatchObject(truth(edge.self, '8443'));
  });

  it('one id for each request, the client’s own where it is harmless', async () => {
    const kept = await edge.ask('/echo', { headers: { 'x-request-id': 'order-12345' } });
    expect([kept.headers['x-request-id'], echo(kept).headers['x-request-id']]).toEqual(['order-12345', 'order-12345']);
    const made = await edge.ask('/echo', { headers: { 'x-request-id': 'a"b <script>' } });
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(echo(made).headers['x-request-id']).toBe(made.headers['x-request-id']);
  });
});

describe('headers', () => {
  it('of the pages that the edge serves itself grade A+ at Mozilla’s Observatory', async () => {
    await configured('edge: { hsts: true }');
    await edge.tell({ '/gone': { drop: true } });
    for (const [path, host] of [
      ['/gone', 'localhost'],
      ['/', 'evil.example'],
    ] as const) {
      const answer = await edge.ask(path, { headers: { host, accept: 'text/html' } });
      expect(observatoryScore(answer.headers)).toMatchObject({ score: 130 });
      expect(Object.values(answer.headers)).not.toContain('');
    }
  });

  it('grade A+ on the portal’s own page', async () => {
    await configured('edge: { hsts: true }');
    const url = process.env.PORTAL_TEST_URL;
    if (!url) throw new Error('PORTAL_TEST_URL is not set: run this file with `vitest --project portal`');
    // The portal's own headers, as its container sends them, through the edge.
    const page = await fetch(url);
    const body = await page.text();
    await edge.tell({
      '/portal': {
        headers: Object.fromEntries(
          [...page.headers].filter(
            ([name]) => !/^(connection|content-length|content-encoding|date|transfer-encoding|keep-alive)$/.test(name),
          ),
        ),
        body,
      },
    });
    const { headers, body: passed } = await edge.ask('/portal', { headers: { accept: 'text/html' } });
    expect(passed.toString()).toBe(body);
    expect(body).not.toMatch(/<script(?![^>]*src="\/)|<style|\son\w+=/);
    expect(observatoryScore(headers).score).toBeGreaterThanOrEqual(100);
  });

  it('of an application that says nothing are sensible, and its own come first', async () => {
    await configured('');
    const silent = await edge.ask('/echo');
    expect(silent.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'strict-origin-when-cross-origin',
    });
    expect(silent.headers).not.toHaveProperty('content-security-policy');
    expect(silent.headers).not.toHaveProperty('strict-transport-security');
    expect(silent.headers).not.toHaveProperty('server');
    await configured('edge: { hsts: { subdomains: true, preload: true } }');
    expect((await edge.ask('/echo')).headers['strict-transport-security']).toBe('max-age=63072000; includeSubDomains; preload');
    await configured('');
    await edge.tell({ '/own': { headers: { 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' } } });
    expect((await edge.ask('/own')).headers).toMatchObject({ 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer' });
  });

  it('give pages without a policy one that can be changed and switched off', async () => {
    const type = (value: string, more: object = {}) => ({ headers: { 'content-type': value, ...more } });
    await edge.tell({
      '/page': type('text/html; charset=utf-8'),
      '/drawing': type('image/svg+xml'),
      '/data': type('application/json'),
      '/strict': type('text/html', { 'content-security-policy': "default-src 'none'" }),
    });
    const policies = async () =>
      Promise.all(['/page', '/drawing', '/data', '/strict'].map(async (path) => (await edge.ask(path)).headers['content-security-policy']));
    const [usual] = await policies();
    expect(usual).toMatch(/^default-src 'self' https: .*object-src 'self' blob:; base-uri 'self'$/);
    expect(await policies()).toEqual([usual, usual, undefined, "default-src 'none'"]);
    await configured(`edge: { contentPolicy: "default-src 'self'; img-src $x" }`);
    expect(await policies()).toEqual(["default-src 'self'; img-src $x", "default-src 'self'; img-src $x", undefined, "default-src 'none'"]);
    await configured('edge: { contentPolicy: false }');
    expect(await policies()).toEqual([undefined, undefined, undefined, "default-src 'none'"]);
    await configured('');
  });

  it('of the operator arrive byte for byte', async () => {
    const value = `camera=(), "quoted" \\back $host \${usd}; it's; {}`;
    await configured(`edge: { headers: { Permissions-Policy: ${JSON.stringify(value)} } }`);
    expect((await edge.ask('/echo')).headers['permissions-policy']).toBe(value);
  });
});

describe('pages', () => {
  it('come as HTML to browsers and as JSON to programs, with the request’s id and nothing from elsewhere', async () => {
    await configured('');
    await edge.tell({ '/gone': { drop: true } });
    const html = await edge.ask('/gone', { headers: { accept: 'text/html,*/*', 'x-request-id': 'page-12345' } });
    const text = html.body.toString();
    expect(html).toMatchObject({ status: 502, headers: { 'content-type': 'text/html', 'retry-after': '5', 'cache-control': 'no-store' } });
    expect(text).toContain('The portal will be right back');
    expect(text).toContain('502 · page-12345');
    expect(text).not.toMatch(/<script|https?:|url\(|@import|<link|<img/);
    const nonce = /'nonce-([0-9a-f]{32})'/.exec(html.headers['content-security-policy'] ?? '')?.[1];
    expect(text).toContain(`<style nonce="${nonce}">`);
    const json = await edge.ask('/gone', { headers: { accept: 'application/json', 'x-request-id': 'page-12345' } });
    expect(json).toMatchObject({ status: 502, headers: { 'content-type': 'application/json' } });
    expect(JSON.parse(json.body.toString())).toEqual({
      error: { code: 'unavailable', message: expect.stringContaining('cannot answer just now'), requestId: 'page-12345' },
    });
  });

  it('of the application pass as they are', async () => {
    await edge.tell({
      '/own-503': { status: 503, body: 'mine' },
      '/own-404': { status: 404, body: 'mine too' },
      '/own-418': { status: 418, body: 'tea' },
    });
    const answers = await Promise.all(
      ['/own-503', '/own-404', '/own-418'].map((path) => edge.ask(path, { headers: { accept: 'text/html' } })),
    );
    expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
      [503, 'mine'],
      [404, 'mine too'],
      [418, 'tea'],
    ]);
  });

  it('cannot be asked for by themselves', async () => {
    for (const path of ['/.edge/page.html', '/.edge/page.json', '/.edge/%2e%2e/%2e%2e/etc/passwd']) {
      expect((await edge.ask(path)).status).toBeGreaterThanOrEqual(400);
    }
  });
});

describe('WebSocket', () => {
  const upgrade = (protocol: string): Promise<{ status: number; echoed: string }> =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ host: edge.address, port: 8443, servername: 'localhost', rejectUnauthorized: false }, () =>
        socket.write(`GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`),
      );
      let text = '';
      socket.on('data', (part) => {
        text += part;
        const status = Number(text.split(' ')[1]);
        if (status !== 101) socket.destroy();
        if (status === 101 && text.endsWith('\r\n\r\n')) socket.write('hello');
        if (status !== 101 || text.endsWith('hello')) resolve({ status, echoed: text.slice(-5) });
      });
      socket.on('error', reject);
    });

  it('passes, and no other protocol does', async () => {
    await configured('');
    expect(await upgrade('websocket')).toEqual({ status: 101, echoed: 'hello' });
    expect(await upgrade('h2c')).toMatchObject({ status: 200 });
  });

  it('gets the page too when the application is away', async () => {
    await edge.origin('app-1', 'kill');
    // Refused, or no answer from an address that nobody has.
    expect([502, 504]).toContain((await upgrade('websocket')).status);
    await edge.origin('app-1', 'start');
  });
});

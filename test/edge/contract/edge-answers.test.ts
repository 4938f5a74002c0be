import http2 from 'node:http2';
import https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

// What applications answer, and are sent, in its unusual forms.

let edge: EdgeBench;
beforeAll(async () => {
  edge = await edgeBench('edge-answers');
});
afterAll(() => edge.destroy());

const configured = async (file: string) => expect(await edge.configure(file)).toMatchObject({ status: 0 });
const echo = (answer: Answer) => JSON.parse(answer.body.toString()) as { headers: Record<string, string> };

/** The same request over HTTP/2. */
async function ask2(path: string, headers: Record<string, string | string[]> = {}) {
  const session = http2.connect(`https://${edge.address}:8443`, {
    servername: 'localhost',
    rejectUnauthorized: false,
    maxHeaderListPairs: 500,
    settings: { maxHeaderListSize: 256 * 1024 },
  });
  try {
    const stream = session.request({ ':path': path, ':authority': 'localhost', ...headers });
    const answer = new Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>((resolve, reject) => {
      stream.on('response', resolve);
      for (const emitter of [session, stream]) emitter.on('error', reject);
    });
    const parts: Buffer[] = [];
    const [got] = await Promise.all([
      answer,
      (async () => {
        for await (const part of stream) parts.push(part as Buffer);
      })(),
    ]);
    return { status: got[':status'], headers: got, body: Buffer.concat(parts).toString() };
  } finally {
    session.close();
  }
}

describe('headers of an answer', () => {
  it('pass up to 32 KB', async () => {
    const policy = 'x'.repeat(7000);
    const many = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`x-policy-${index}`, 'y'.repeat(8000)]));
    await edge.tell({ '/large': { headers: { 'x-policy': policy }, body: 'ok' }, '/many': { headers: many, body: 'ok' } });
    expect(await edge.ask('/large')).toMatchObject({ status: 200, headers: { 'x-policy': policy } });
    expect(await ask2('/large')).toMatchObject({ status: 200, headers: { 'x-policy': policy }, body: 'ok' });
    expect(await ask2('/many')).toMatchObject({ status: 200, headers: many, body: 'ok' });
  });
});

describe('cookies', () => {
  const cookies = Array.from({ length: 60 }, (_, index) => `c${index}=${'z'.repeat(996)}`);
  it('of 60 kB reach the application over HTTP/2', async () => {
    const { body } = await ask2('/echo', { cookie: cookies });
    expect(JSON.parse(body).headers.cookie).toBe(cookies.join('; '));
  });
});

describe('informational answers', () => {
  it.each([
    ['103', { hints: 1 }],
    ['several 103', { hints: 3 }],
    ['103 with a pause', { hints: 1, delay: 300 }],
    ['102', { processing: true }],
    ['102 and 103', { hints: 2, processing: true }],
  ])('%s: the final one arrives whole, over either protocol', async (_name, told) => {
    await edge.tell({ '/hints': { ...told, headers: { 'x-own': 'final' }, body: 'the page' } });
    for (let times = 0; times < 3; times++) {
      expect(await ask2('/hints')).toMatchObject({ status: 200, headers: { 'x-own': 'final' }, body: 'the page' });
      const first = await edge.ask('/hints');
      expect(first).toMatchObject({ status: 200, headers: { 'x-own': 'final' } });
      expect(first.body.toString()).toBe('the page');
      // The connection to the application is still in step.
      expect((await edge.ask('/echo')).status).toBe(200);
    }
  });
});

describe('an answer that comes in parts', () => {
  /** Milliseconds after which each part arrived, and how it ended. */
  const stream = (path: string): Promise<{ parts: { text: string; ms: number }[]; complete: boolean }> =>
    new Promise((resolve, reject) => {
      const start = Date.now();
      const parts: { text: string; ms: number }[] = [];
      https
        .get(
          { host: edge.address, port: 8443, path, servername: 'localhost', rejectUnauthorized: false, headers: { host: 'localhost' } },
          (res) => {
            res.on('data', (part: Buffer) => parts.push({ text: part.toString(), ms: Date.now() - start }));
            res.on('close', () => resolve({ parts, complete: res.complete }));
            res.on('error', () => undefined);
          },
        )
        .on('error', reject);
    });

  it('is passed on as it comes', async () => {
    await edge.tell({
      '/events': {
        events: [
          { after: 0, data: 'first' },
          { after: 2500, data: 'second' },
        ],
      },
    });
    const { parts, complete } = await stream('/events');
    expect(parts.map(({ text }) => text)).toEqual(['data: first\n\n', 'data: second\n\n']);
    expect(parts[0]?.ms).toBeLessThan(2000);
    expect(complete).toBe(true);
  });

  it('may be silent as long as `app.timeout` says', async () => {
    await edge.tell({ '/slow': { delay: 3500, body: 'late' } });
    await configured('app: { timeout: 2 }');
    expect((await edge.ask('/slow')).status).toBe(504);
    await configured('app: { timeout: 6 }');
    expect(await edge.ask('/slow')).toMatchObject({ status: 200 });
    await configured('');
  });
});

describe('headers with underscores', () => {
  const headers = { x_plex_token: 'one', x_forwarded_for: '1.2.3.4', 'x-real_ip': '1.2.3.4', x_forwarded_proto: 'http' };
  it('are dropped unless asked for, and never pass for the edge’s own', async () => {
    await configured('');
    const plain = echo(await edge.ask('/echo', { headers })).headers;
    expect(Object.keys(plain).filter((name) => name.includes('_'))).toEqual([]);
    await configured('edge: { headersWithUnderscores: true }');
    const passed = echo(await edge.ask('/echo', { headers })).headers;
    expect(Object.keys(passed).filter((name) => name.includes('_'))).toEqual(['x_plex_token']);
    expect(passed).toMatchObject({ x_plex_token: 'one', 'x-forwarded-for': edge.self, 'x-forwarded-proto': 'https' });
    await configured('');
  });
});

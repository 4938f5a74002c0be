import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type WafEntry, wafCollector } from '../../../src/waf/plan/waf-log.ts';
import { docker } from '../../support/cli.ts';
import { type Ask, type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

let edge: EdgeBench;
const WAF = 'rateLimit: false, waf: { mode: block }';
beforeAll(async () => {
  edge = await edgeBench('waf-edge', `edge: { ${WAF} }\ncdn: { host: static.test }`, 'cdn: true');
});
afterAll(() => edge?.destroy());

const ATTACK = '?id=1+union+select+password+from+users';
const ask = (path: string, { headers = {}, ...more }: Ask = {}) =>
  edge.ask(path, { headers: { accept: 'application/json', 'user-agent': 'curl/8.5.0', ...headers }, ...more });

/** The lines of the edge's log, once it has written those of all these requests. */
async function linesAfter(ids: readonly (string | undefined)[]): Promise<string[]> {
  return await vi.waitFor(
    async () => {
      const { stdout, stderr } = await docker(['logs', edge.container]);
      expect(ids.filter((id) => id === undefined || !stdout.includes(id))).toEqual([]);
      return `${stdout}\n${stderr}`.split('\n');
    },
    { timeout: 15_000, interval: 500 },
  );
}

async function entries(ids: readonly (string | undefined)[]): Promise<Map<string, WafEntry>> {
  const collector = wafCollector();
  for (const line of await linesAfter(ids)) collector.add(line);
  return new Map(collector.entries().map((found) => [found.requestId, found]));
}

const entry = async (id: string | undefined): Promise<WafEntry | undefined> => (await entries([id])).get(id ?? '');

describe('a health path', () => {
  it('is left out for exactly what monitors ask, and looked at with any other query, body or method', async () => {
    const scanner = { 'user-agent': 'sqlmap/1.7.2#stable (https://sqlmap.org)' };
    expect((await ask('/api/health', { headers: scanner })).status).not.toBe(403);
    const others: [string, Ask][] = [
      [`/api/health${ATTACK}`, {}],
      ['/api/health/ready?', { headers: scanner }],
      ['/api/health', { method: 'POST', headers: scanner }],
    ];
    for (const [path, how] of others) expect([path, (await ask(path, how)).status]).toEqual([path, 403]);
  });
});

describe('a path that looks static', () => {
  it('is looked at where the cache has nothing: refused with the page, written down, not kept, not asked of the app', async () => {
    const refused = await ask(`/none-b.js${ATTACK}`);
    expect(refused.status).toBe(403);
    expect(refused.body.toString()).toContain('"code": "blocked"');
    expect(refused.headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(refused.body.toString()).toContain(refused.headers['x-request-id']);
    expect(await edge.count(`/none-b.js${ATTACK}`)).toBe(0);
    expect(await entry(refused.headers['x-request-id'])).toMatchObject({
      blocked: true,
      method: 'GET',
      path: '/none-b.js',
      client: edge.self,
      matches: expect.arrayContaining([expect.objectContaining({ part: 'ARGS:id' })]),
    });
    expect((await ask(`/none-b.js${ATTACK}`)).headers['x-cache']).toBe('MISS');
    const page = await ask(`/report.css${ATTACK}`, { headers: { accept: 'text/html' } });
    expect(page.body.toString()).toContain('<!doctype html>');
  });

  it('is looked at with its headers, by any name that serves it, and its other visitors get the file', async () => {
    await edge.tell({ '/shared.js': { headers: { 'content-type': 'text/javascript', 'cache-control': 'max-age=600' }, body: 'file' } });
    const scanner = { 'user-agent': 'sqlmap/1.7.2#stable (https://sqlmap.org)' };
    expect((await ask('/shared.js', { headers: scanner })).status).toBe(403);
    expect((await ask('/shared.js', { headers: scanner, host: 'static.test' })).status).toBe(403);
    const good = await ask('/shared.js');
    expect([good.status, good.body.toString(), good.headers['x-cache']]).toEqual([200, 'file', 'MISS']);
    // The same bytes for everybody: what the copy is asked with reaches no program.
    expect((await ask('/shared.js', { headers: scanner })).headers['x-cache']).toBe('HIT');
  });

  it('goes past the cache with a body', async () => {
    const sent = await ask('/with-body.js', { headers: { 'content-length': '1', 'content-type': 'text/plain' }, body: 'x' });
    expect(sent.headers['x-cache']).toBeUndefined();
  });
});

describe('an upload that is no form', () => {
  const tus = { 'content-type': 'application/offset+octet-stream', 'tus-resumable': '1.0.0', 'upload-offset': '0' };

  it.each([
    ['PATCH', tus],
    ['PUT', { 'content-type': 'application/x-of-my-own', 'content-range': 'bytes 0-4/10' }],
    ['POST', { 'content-type': 'video/mp4' }],
    ['PUT', {}],
  ])('passes, whatever type it is of: %s %o', async (method, headers) => {
    const answer = await ask('/api/uploads/x', {
      method,
      headers: { ...headers, 'content-length': '5' } as Record<string, string>,
      body: 'hello',
    });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ method, bytes: 5, url: '/api/uploads/x' });
  });

  it('is refused by its address or headers, and written down with its own method', async () => {
    const refused = await ask(`/api/uploads/x${ATTACK}`, { method: 'PATCH', headers: tus, body: 'hello' });
    expect(refused.status).toBe(403);
    expect(await entry(refused.headers['x-request-id'])).toMatchObject({ blocked: true, method: 'PATCH', path: '/api/uploads/x' });
  });
});

describe('the lines of the log', () => {
  it('stay whole, however long and however many are written at once', async () => {
    // Each of these fields is found by several rules, so the line is longer than the 4096 bytes that a pipe takes as a whole.
    const query = Array.from({ length: 12 }, (_, i) => `f${i}=1'+union+select+password+from+users--`).join('&');
    const left = Array.from({ length: 1500 }, (_, i) => (i % 3 === 0 ? `/api/x?${query}` : `/api/${'y'.repeat(i % 300)}`));
    const refused: (string | undefined)[] = [];
    const work = async () => {
      for (let path = left.shift(); path !== undefined; path = left.shift()) {
        const answer = await ask(path);
        if (answer.status === 403) refused.push(answer.headers['x-request-id']);
      }
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect(refused.length).toBe(500);
    const lines = (await linesAfter(refused)).filter((line) => line.includes('{'));
    expect(lines.filter((line) => line.includes('"transaction"') && line.length > 4096).length).toBeGreaterThanOrEqual(500);
    const whole = (line: string) => {
      try {
        return Boolean(JSON.parse(line));
      } catch {
        return false;
      }
    };
    expect(lines.filter((line) => !whole(line)).map((line) => line.slice(0, 200))).toEqual([]);
    const found = await entries(refused);
    expect(refused.filter((id) => !found.get(id ?? '')?.blocked)).toEqual([]);
  }, 120_000);
});

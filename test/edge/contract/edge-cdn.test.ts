import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

let edge: EdgeBench;
const SETTINGS =
  'edge: { domains: [media.test], rateLimit: false }\ncdn: { host: static.test, paths: [/assets/, "*.js", "*.css", "*.png"], except: [/api/] }';
beforeAll(async () => {
  edge = await edgeBench('edge-cdn', SETTINGS, 'cdn: true');
});
afterAll(() => edge.destroy());

const SCRIPT = `/* ${'static '.repeat(2000)} */`;
const FOREVER = 'public, max-age=31536000, immutable';
const script = (headers: Record<string, string> = {}, body = SCRIPT) => ({
  headers: { 'content-type': 'text/javascript', ...headers },
  body,
});
const get = (path: string, headers: Record<string, string> = {}, host = 'media.test') => edge.ask(path, { headers, host });
const cache = ({ headers }: Answer) => headers['x-cache'];
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a static file', () => {
  it('comes from the cache the second time, with the application’s own headers', async () => {
    await edge.tell({ '/a.js': script({ 'cache-control': FOREVER, etag: '"one"' }) });
    const [first, second] = [await get('/a.js?v=1'), await get('/a.js?v=1')];
    expect([cache(first), cache(second), await edge.count('/a.js?v=1')]).toEqual(['MISS', 'HIT', 1]);
    expect(second.body.toString()).toBe(SCRIPT);
    expect(second.headers).toMatchObject({
      'cache-control': FOREVER,
      etag: '"one"',
      vary: 'Accept-Encoding',
      'x-content-type-options': 'nosniff',
    });
    expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    expect((await get('/a.js?v=1', { 'if-none-match': '"one"' })).status).toBe(304);
    expect(cache(await get('/a.js?v=2'))).toBe('MISS');
  });

  it('is compressed once for each encoding, whatever clients write', async () => {
    await edge.tell({ '/b.js': script({ 'cache-control': FOREVER, etag: '"b"', vary: 'Accept-Encoding' }) });
    const brotli = await get('/b.js', { 'accept-encoding': 'gzip, deflate, br, zstd' });
    expect(brotliDecompressSync(brotli.body).toString()).toBe(SCRIPT);
    expect(brotli.body.length).toBeLessThan(200);
    expect(brotli.headers).toMatchObject({ 'content-encoding': 'br', etag: 'W/"b"' });
    const gzip = await get('/b.js', { 'accept-encoding': 'gzip;q=1.0, br;q=0' });
    expect(gunzipSync(gzip.body).toString()).toBe(SCRIPT);
    const hits = ['br', 'br;q=0.5, *;q=0', 'GZIP', 'gzip,deflate', 'identity', '*', ''];
    const answers = await Promise.all(hits.map((value) => get('/b.js', { 'accept-encoding': value })));
    expect(answers.map(({ headers }) => headers['content-encoding'])).toEqual([
      'br',
      'br',
      'gzip',
      'gzip',
      undefined,
      undefined,
      undefined,
    ]);
    expect(await edge.count('/b.js')).toBe(3);
    expect(answers.map(({ headers }) => headers.vary)).toEqual(hits.map(() => 'Accept-Encoding'));
  });

  it('that is compressed by its nature has one variant', async () => {
    await edge.tell({ '/c.png': { headers: { 'content-type': 'image/png', 'cache-control': FOREVER }, body: 'png' } });
    for (const encoding of ['br', 'gzip', 'identity']) await get('/c.png', { 'accept-encoding': encoding });
    expect(await edge.count('/c.png')).toBe(1);
  });

  it('can be read in ranges', async () => {
    await edge.tell({ '/d.js': script({ 'cache-control': FOREVER, 'accept-ranges': 'bytes' }) });
    for (const expected of ['MISS', 'HIT']) {
      const part = await get('/d.js', { range: 'bytes=3-8' });
      expect(part).toMatchObject({ status: 206, headers: { 'x-cache': expected, 'content-range': `bytes 3-8/${SCRIPT.length}` } });
      expect(part.body.toString()).toBe('static');
    }
  });

  it('without a lifetime gets a short one, and one that changed is noticed', async () => {
    await edge.tell({ '/silent.css': { headers: { 'content-type': 'text/css' }, body: 'a{}' } });
    expect((await get('/silent.css')).headers['cache-control']).toBe(
      'public, max-age=300, stale-while-revalidate=60, stale-if-error=86400',
    );
    expect(cache(await get('/silent.css'))).toBe('HIT');
    await edge.tell({ '/old.css': { status: 404 } });
    expect((await get('/old.css')).headers).not.toHaveProperty('cache-control');
    expect([cache(await get('/old.css')), await edge.count('/old.css')]).toEqual(['MISS', 2]);
  });

  it('is served stale while it is asked for again, and when the application fails', async () => {
    const stale = (body: string) => ({ '/e.js': script({ 'cache-control': 'max-age=1, stale-while-revalidate=600' }, body) });
    await edge.tell(stale('old'));
    await get('/e.js');
    await edge.tell(stale('new'));
    await pause(2100);
    const meanwhile = await get('/e.js');
    expect([meanwhile.body.toString(), cache(meanwhile)]).toEqual(['old', 'STALE']);
    await expect.poll(async () => (await get('/e.js')).body.toString()).toBe('new');
    await edge.tell({ '/f.js': script({ 'cache-control': 'max-age=1' }, 'kept') });
    await get('/f.js');
    await edge.tell({ '/f.js': { status: 503 } });
    await pause(2100);
    const failing = await get('/f.js');
    expect([failing.status, failing.body.toString(), cache(failing)]).toEqual([200, 'kept', 'STALE']);
  });

  it('is asked for once however many want it at the same time, and by its ETag when it is old', async () => {
    await edge.tell({ '/g.js': { ...script({ 'cache-control': 'max-age=1', etag: '"g"' }), delay: 300 } });
    const all = await Promise.all(Array.from({ length: 20 }, () => get('/g.js')));
    expect([all.every(({ status }) => status === 200), await edge.count('/g.js')]).toEqual([true, 1]);
    await pause(2100);
    expect(cache(await get('/g.js'))).toBe('REVALIDATED');
  });
});

describe('never kept', () => {
  it.each([
    ['no-store', { 'cache-control': 'no-store' }],
    ['private', { 'cache-control': 'private, max-age=600' }],
    ['no-cache', { 'cache-control': 'public, no-cache' }],
    ['a cookie', { 'cache-control': 'public, max-age=600', 'set-cookie': 'a=b' }],
    ['a silent cookie', { 'set-cookie': 'a=b' }],
    ['Vary: *', { 'cache-control': FOREVER, vary: '*' }],
  ])('what says %s', async (name, headers) => {
    const path = `/never-${name.replace(/\W/g, '')}.js`;
    await edge.tell({ [path]: script(headers as Record<string, string>) });
    expect([cache(await get(path)), cache(await get(path)), await edge.count(path)]).toEqual(['MISS', 'MISS', 2]);
  });

  it('one answer for another’s language', async () => {
    await edge.tell({ '/h.js': script({ 'cache-control': FOREVER, vary: 'Accept-Language' }) });
    const answers = [];
    for (const language of ['en', 'pt', 'en']) answers.push(await get('/h.js', { 'accept-language': language }));
    expect(answers.map(cache)).toEqual(['MISS', 'MISS', 'HIT']);
    expect(answers[2]?.headers.vary).toBe('Accept-Language, Accept-Encoding');
  });

  it('anything with a person’s credentials: cookies are not even passed on', async () => {
    const seen = async (path: string, headers: Record<string, string>) => {
      const { headers: answer, body } = await get(path, headers);
      return { cache: answer['x-cache'], cookie: (JSON.parse(body.toString()) as { headers: Record<string, string> }).headers.cookie };
    };
    expect(await seen('/assets/me', { cookie: 'session=1' })).toEqual({ cache: 'MISS', cookie: undefined });
    expect(await seen('/assets/me', { authorization: 'Bearer x', cookie: 'session=1' })).toEqual({ cache: undefined, cookie: 'session=1' });
  });

  it('what is no static file: other paths, other methods, queries and addresses that could be an attack', async () => {
    const asked: [string, string][] = [
      ['GET', '/page'],
      ['GET', '/api/photo.png'],
      ['POST', '/a.js'],
      ['GET', "/a.js?q=' OR 1=1"],
      ['GET', '/x%3Cscript%3E.js'],
      ['GET', '/%2527.js'],
    ];
    for (const [method, path] of asked) {
      const answer = await edge.ask(path.replaceAll(' ', '%20').replaceAll("'", '%27'), { method, host: 'media.test' });
      expect([path, answer.status, answer.headers['x-cache']]).toEqual([path, 200, undefined]);
    }
  });
});

describe('the host of its own', () => {
  it('serves static files alone, for pages elsewhere, out of the same copies', async () => {
    await edge.tell({ '/i.js': script({ 'cache-control': FOREVER, 'cross-origin-resource-policy': 'same-origin' }) });
    await get('/i.js');
    const answer = await get('/i.js', {}, 'static.test');
    expect(answer.headers).toMatchObject({
      'x-cache': 'HIT',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    });
    expect((await get('/', {}, 'static.test')).status).toBe(404);
    expect((await edge.ask('/i.js', { host: 'static.test', method: 'POST' })).status).toBe(404);
  });

  it('cannot be talked into keeping a copy for another name', async () => {
    await edge.tell({});
    const told = await get('/assets/host', { host: 'media.test:1234', 'x-forwarded-host': 'evil.example' });
    expect(JSON.parse(told.body.toString())).toMatchObject({ headers: { host: 'media.test:8443', 'x-forwarded-host': 'media.test:8443' } });
  });
});

describe('purge', () => {
  const purge = async (...args: string[]) => {
    const { status, stdout, stderr } = await edge.exec(['/usr/local/bin/purge', ...args]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return Number(stdout);
  };
  const paths = ['/p/one.js', '/p/one.js?v=2', '/p/two.js', '/q/one.js'];
  const warm = async () => {
    const all = [...paths.map((path) => get(path)), get('/p/one.js', { 'accept-encoding': 'br' })];
    return (await Promise.all(all)).map(cache);
  };

  it('removes a path in all its variants, a prefix, or everything, and tells how many', async () => {
    await edge.tell(Object.fromEntries(paths.map((path) => [path.split('?')[0], script({ 'cache-control': FOREVER })])));
    await purge();
    await warm();
    expect(await purge('/p/one.js')).toBe(3);
    expect((await warm()).sort()).toEqual(['HIT', 'HIT', 'MISS', 'MISS', 'MISS']);
    expect(await purge('/p/*')).toBe(4);
    expect(await purge('/p/one.js?v=2')).toBe(0);
    await warm();
    expect(await purge('/p/one.js?v=2')).toBe(1);
    expect(await purge()).toBe(4);
    expect(await purge()).toBe(0);
  });

  it('takes any text as a text', async () => {
    await warm();
    const hostile = [
      '/../../etc/passwd',
      '$(touch /var/cache/edge/pwned)',
      '; rm -rf /',
      '/.*',
      '/p/.*',
      '*/',
      '',
      '--help',
      '/p/[a-z]+.js',
      '\n',
      '|id',
    ];
    for (const text of hostile) expect([text, await purge(text)]).toEqual([text, 0]);
    expect((await edge.exec(['ls', '/var/cache/edge'])).stdout).not.toContain('pwned');
    expect(await purge('/q/*')).toBe(1);
  });
});

import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { portalCall, portalRefusals } from './portal-refusals.ts';

/** Every field that some answer of the portal has: the assertions tell which belongs where. */
export type Answer = Record<'title' | 'name' | 'message' | 'status' | 'requestedBy', string> & {
  id: number;
  nextBefore: number | null;
  items: Answer[];
  checks: { name: string; status: string }[];
  services: Record<string, { status: string }>;
};

export const read = async (response: Response | Promise<Response>) => (await (await response).json()) as Answer;

export type PortalContractOptions = { uploadLimit?: number };

/** What every portal promises over HTTP. It creates items of its own and removes them again. */
export function portalContract(baseUrl: () => string, { uploadLimit }: PortalContractOptions = {}): void {
  const call = portalCall(baseUrl);
  const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, { method, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  const upload = (bytes: Uint8Array<ArrayBuffer>, name: string, type = 'text/javascript') => {
    const form = new FormData();
    form.append('file', new Blob([bytes], { type }), name);
    return call('/api/uploads', { method: 'POST', body: form });
  };

  portalRefusals(baseUrl);

  describe('health', () => {
    it('is alive', async () => {
      expect(await read(call('/api/health'))).toEqual({ status: 'ok' });
    });

    it('names each dependency in its readiness', async () => {
      const response = await call('/api/health/ready');
      expect(response.status).toBe(200);
      const body = await read(response);
      expect(body.status).toBe('ready');
      expect(body.checks.map((check) => check.name)).toEqual(['postgresql', 'redis', 'uploads']);
      for (const check of body.checks) {
        expect(check).toEqual({ name: expect.any(String), status: 'ok', message: 'ok', ms: expect.any(Number) });
      }
    });
  });

  describe('media requests', () => {
    it('are created, changed, listed and deleted', async () => {
      const title = `Contract ${randomUUID()}`;
      const created = await send('POST', '/api/requests', { title: `  ${title} `, kind: 'movie', note: "o'Neil; --" });
      expect(created.status).toBe(201);
      const item = await read(created);
      expect(item).toMatchObject({ title, kind: 'movie', note: "o'Neil; --", status: 'requested', requestedBy: null });

      const changed = await send('PATCH', `/api/requests/${item.id}`, { status: 'approved' });
      expect(changed.status).toBe(200);
      const cookie = changed.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ');
      const list = await read(call('/api/requests?limit=100', { headers: { cookie } }));
      expect(list.items.find((entry) => entry.id === item.id)).toMatchObject({ title, status: 'approved' });

      expect((await call(`/api/requests/${item.id}`, { method: 'DELETE' })).status).toBe(204);
      expect((await call(`/api/requests/${item.id}`, { method: 'DELETE' })).status).toBe(404);
      expect((await send('PATCH', `/api/requests/${item.id}`, { status: 'declined' })).status).toBe(404);
    });

    it('come in pages, newest first', async () => {
      const ids: number[] = [];
      for (const title of ['first', 'second', 'third']) {
        ids.push((await read(send('POST', '/api/requests', { title, kind: 'other' }))).id);
      }
      const [first, second, third] = ids as [number, number, number];
      const headers = { cookie: 'medianest_fresh=1' };
      const page = await read(call(`/api/requests?limit=2&before=${third + 1}`, { headers }));
      expect(page).toMatchObject({ items: [{ id: third }, { id: second }], nextBefore: second });
      const next = await read(call(`/api/requests?limit=2&before=${page.nextBefore}`, { headers }));
      expect(next.items[0]?.id).toBe(first);
      for (const id of ids) await call(`/api/requests/${id}`, { method: 'DELETE' });
    });

    it.each([
      ['a missing title', { kind: 'movie' }, 'title is missing'],
      ['a blank title', { title: ' \n', kind: 'movie' }, 'title must not be blank'],
      ['an unknown kind', { title: 'x', kind: 'podcast' }, 'kind must be one of movie, series, music, other'],
      ['an unknown field', { title: 'x', kind: 'movie', status: 'approved' }, 'status is not a known field'],
      ['a NUL character', { title: 'a\u0000b', kind: 'movie' }, 'cannot be stored'],
    ])('refuse %s in words', async (_case, body, words) => {
      const response = await send('POST', '/api/requests', body);
      expect(response.status).toBe(400);
      expect(await read(response)).toMatchObject({ error: 'invalid', message: expect.stringContaining(words) });
    });

    it('refuse broken JSON, an unknown status, a bad page and a bad key', async () => {
      const broken = await call('/api/requests', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' });
      expect(broken.status).toBe(400);
      expect((await send('PATCH', '/api/requests/1', { status: 'lost' })).status).toBe(400);
      expect((await call('/api/requests?limit=1000')).status).toBe(400);
      expect((await send('POST', '/api/requests', { title: 'x', kind: 'movie' }, { 'idempotency-key': 'a b' })).status).toBe(400);
    });

    it('are made once for each idempotency key, even at the same moment', async () => {
      const key = randomUUID();
      const answers = await Promise.all(
        Array.from({ length: 5 }, async (_, n) => {
          const response = await send('POST', '/api/requests', { title: `try ${n}`, kind: 'series' }, { 'idempotency-key': key });
          return { status: response.status, body: await read(response) };
        }),
      );
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
      expect(new Set(answers.map(({ body }) => `${body.id} ${body.title}`)).size).toBe(1);
      await call(`/api/requests/${answers[0]?.body.id}`, { method: 'DELETE' });
    });
  });

  describe('uploads', () => {
    it('come back byte for byte, as a download only', async () => {
      const bytes = new Uint8Array(randomBytes(200_000));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const created = await upload(bytes, 'poster.js');
      expect(created.status).toBe(201);
      const item = await read(created);
      expect(item).toMatchObject({ name: 'poster.js', size: 200_000, sha256, mime: 'text/javascript' });

      const download = await call(`/api/uploads/${item.id}`);
      expect(download.status).toBe(200);
      expect(
        createHash('sha256')
          .update(new Uint8Array(await download.arrayBuffer()))
          .digest('hex'),
      ).toBe(sha256);
      expect(download.headers.get('content-type')).toBe('application/octet-stream');
      expect(download.headers.get('content-disposition')).toMatch(/^attachment; filename="poster\.js"/);
      expect(download.headers.get('x-content-type-options')).toBe('nosniff');

      expect((await call(`/api/uploads/${item.id}`, { method: 'DELETE' })).status).toBe(204);
      expect((await call(`/api/uploads/${item.id}`)).status).toBe(404);
    });

    it.each<[string, string | RegExp]>([
      ['../../../etc/passwd', 'passwd'],
      ['C:\\Windows\\system.ini', 'system.ini'],
      ['a\r\nSet-Cookie: x=1.txt', /^a.*Set-Cookie: x=1\.txt$/],
      ['..', 'unnamed'],
      ['naïve "quotes" 🎬.mkv', 'naïve "quotes" 🎬.mkv'],
      ['safe\u202Egpj.exe', 'safegpj.exe'],
      [`${'long'.repeat(100)}.txt`, /^(long)+$/],
    ])('survive the name %j', async (name, expected) => {
      const created = await upload(new Uint8Array([1]), name);
      expect(created.status).toBe(201);
      const item = await read(created);
      if (typeof expected === 'string') expect(item.name).toBe(expected);
      else expect(item.name).toMatch(expected);
      const download = await call(`/api/uploads/${item.id}`);
      expect(download.status).toBe(200);
      const disposition = download.headers.get('content-disposition') ?? '';
      expect(decodeURIComponent(disposition.split("filename*=UTF-8''")[1] ?? '')).toBe(item.name);
      expect(download.headers.get('set-cookie')).toBeNull();
      await call(`/api/uploads/${item.id}`, { method: 'DELETE' });
    });

    it('refuse what is no file', async () => {
      expect((await send('POST', '/api/uploads', {})).status).toBe(415);
      const form = new FormData();
      form.append('word', 'no file');
      expect((await call('/api/uploads', { method: 'POST', body: form })).status).toBe(400);
      expect((await call('/api/uploads/..%2f..%2fetc%2fpasswd')).status).toBe(400);
    });

    it.skipIf(uploadLimit === undefined)('take a file of the limit, and refuse a larger one with 413', async () => {
      const limit = uploadLimit as number;
      const fits = await upload(new Uint8Array(limit), 'fits.bin');
      expect(fits.status).toBe(201);
      await call(`/api/uploads/${(await read(fits)).id}`, { method: 'DELETE' });
      const tooLarge = await upload(new Uint8Array(limit + 1), 'too-large.bin');
      expect(tooLarge.status).toBe(413);
      expect(await read(tooLarge)).toMatchObject({ error: 'too-large' });
    });
  });

  describe('sessions', () => {
    it('keep who asks', async () => {
      const named = await send('POST', '/api/session', { name: ' Ana ' });
      expect(await read(named)).toEqual({ available: true, name: 'Ana' });
      const line = named.headers.getSetCookie().find((entry) => entry.startsWith('medianest_session=')) ?? '';
      expect(line).toMatch(/HttpOnly/i);
      expect(line).toMatch(/SameSite=Lax/i);
      const cookie = line.split(';')[0] ?? '';
      expect(await read(call('/api/session', { headers: { cookie } }))).toEqual({ available: true, name: 'Ana' });
      const item = await read(send('POST', '/api/requests', { title: 'x', kind: 'music' }, { cookie }));
      expect(item.requestedBy).toBe('Ana');
      await call(`/api/requests/${item.id}`, { method: 'DELETE' });
    });

    it('never take over an id that the visitor made up', async () => {
      const made = 'A'.repeat(43);
      const named = await send('POST', '/api/session', { name: 'Eve' }, { cookie: `medianest_session=${made}` });
      expect(named.headers.getSetCookie().join()).not.toContain(made);
    });
  });

  describe('every answer', () => {
    it('carries the correlation id that came with the request, if it is well formed', async () => {
      const id = `contract-${randomUUID()}`;
      expect((await call('/api/health', { headers: { 'x-request-id': id } })).headers.get('x-request-id')).toBe(id);
      const other = (await call('/api/health', { headers: { 'x-request-id': 'a b<c>' } })).headers.get('x-request-id');
      expect(other).toMatch(/^[A-Za-z0-9._-]{8,128}$/);
    });

    it.each(['/', '/api/health', '/api/nothing-here', '/app.css'])('has security headers: %s', async (path) => {
      const { headers } = await call(path);
      expect(headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBeTruthy();
    });
  });

  it('serves a page without inline script or style, and its parts with an ETag', async () => {
    const html = await (await call('/')).text();
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i);
    const script = /src="(\/app\.js[^"]*)"/.exec(html)?.[1] ?? '';
    const part = await call(script);
    expect(part.headers.get('content-type')).toMatch(/javascript/);
    expect(part.headers.get('cache-control')).toMatch(/immutable/);
    expect(part.headers.get('etag')).toBeTruthy();
    expect((await call('/app.js?v=another')).headers.get('cache-control')).not.toMatch(/immutable/);
  });

  it('tells the state of the three services', async () => {
    const { services } = await read(call('/api/status'));
    expect(Object.keys(services)).toEqual(['plex', 'overseerr', 'uptime-kuma']);
    for (const state of Object.values(services)) expect(state.status).toMatch(/^(up|down|not-configured)$/);
  });

  it('exposes metrics by route, not by path', async () => {
    await call('/api/requests/999999999', { method: 'DELETE' });
    await call('/api/no-such-route');
    const text = await (await call('/metrics')).text();
    expect(text).toMatch(/http_request_duration_seconds_count\{[^}]*route="\/api\/requests\/:id"[^}]*status="404"[^}]*\} \d/);
    expect(text).toMatch(/route="unmatched"/);
    expect(text).not.toMatch(/requests\/999999999|no-such-route/);
    expect(text).toMatch(/^medianest_requests_total\{[^}]*status="requested"[^}]*\} \d/m);
    expect(text).toMatch(/^medianest_upload_bytes_total \d/m);
    expect(text).toMatch(/^process_cpu_seconds_total \d/m);
  });
}

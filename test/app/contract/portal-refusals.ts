import { describe, expect, it } from 'vitest';

/** Asks as a browser does: what changes something says where it comes from. */
export const portalCall = (baseUrl: () => string) => (path: string, init?: RequestInit) => {
  const headers = new Headers(init?.headers);
  const told = headers.has('origin') || headers.has('sec-fetch-site');
  if (init?.method && !told) headers.set('origin', new URL(baseUrl()).origin);
  return fetch(new URL(path, baseUrl()), { ...init, headers });
};

/** What every portal refuses. */
export function portalRefusals(baseUrl: () => string): void {
  const call = portalCall(baseUrl);

  describe('a change', () => {
    it.each([
      ['no word of where it comes from', {}, 403],
      ['another origin', { origin: 'https://evil.example' }, 403],
      ['our name at another port', { origin: 'http://127.0.0.1:1' }, 403],
      ['a name that begins like ours', { origin: 'http://127.0.0.1.evil.example' }, 403],
      ['a hidden origin', { origin: 'null' }, 403],
      ['a browser’s word for another site', { 'sec-fetch-site': 'cross-site' }, 403],
      ['a browser’s own word for the same site', { 'sec-fetch-site': 'same-origin' }, 404],
      ['a request that no page has made', { 'sec-fetch-site': 'none' }, 404],
    ])('with %s is answered as it should', async (_what, headers, status) => {
      // Not through `call`, which would add the origin.
      const url = new URL('/api/requests/999999999', baseUrl());
      expect((await fetch(url, { method: 'DELETE', headers: headers as Record<string, string> })).status).toBe(status);
      expect((await fetch(url, { method: 'GET', headers: headers as Record<string, string> })).status).not.toBe(403);
    });

    it('takes a change from its own pages, whatever the case of the name', async () => {
      const url = new URL(baseUrl());
      for (const origin of [url.origin, url.origin.toUpperCase()]) {
        expect((await call('/api/requests/999999999', { method: 'DELETE', headers: { origin } })).status).toBe(404);
      }
    });
  });

  describe('an upload', () => {
    const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n';
    it.each([
      ['ends within the file', 'multipart/form-data; boundary=b', `${head}half`],
      ['ends within a field', 'multipart/form-data; boundary=b', '--b\r\ncontent-disposition: form-data; name="x"\r\n\r\nab'],
      ['ends within a part’s head', 'multipart/form-data; boundary=b', '--b\r\ncontent-disposition: form-da'],
      ['names no boundary', 'multipart/form-data', `${head}x\r\n--b--\r\n`],
      ['names an empty boundary', 'multipart/form-data; boundary=', `${head}x\r\n--b--\r\n`],
      ['names another boundary', 'multipart/form-data; boundary=c', `${head}x\r\n--b--\r\n`],
      ['has a damaged head', 'multipart/form-data; boundary=b', '--b\r\nfoo\0bar\r\n\r\nx\r\n--b--\r\n'],
      ['is empty', 'multipart/form-data; boundary=b', ''],
    ])('is refused with 400 where the form %s', async (_what, type, body) => {
      const before = await (await call('/api/uploads')).text();
      const answer = await call('/api/uploads', { method: 'POST', headers: { 'content-type': type }, body });
      expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ error: 'invalid' })]);
      expect(await (await call('/api/uploads')).text()).toBe(before);
    });
  });

  describe('an address without an answer', () => {
    const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
    it.each([
      '/nothing-here',
      '/api/uploads/00000000-0000-4000-8000-000000000000',
      '/app.css/x',
      '/index.html',
      '/error.html',
      '/%2e%2e/%3Cb%3E',
    ])('is a page for a person and JSON for a program: %s', async (path) => {
      const asked = (accept: string, method = 'GET') => call(path, { method, headers: { accept, 'x-request-id': 'contract-page' } });
      const page = await asked(BROWSER);
      expect([page.status, page.headers.get('content-type'), page.headers.get('vary')]).toEqual([
        404,
        'text/html; charset=utf-8',
        expect.stringMatching(/accept(?!-)/i),
      ]);
      const html = await page.text();
      expect(html).toMatch(/<h1>There is (nothing at this address|no such file)\.<\/h1>/);
      expect(html).toContain('contract-page');
      expect(html).not.toMatch(/\{\{|<style|\sstyle=|<script|<b>/);
      for (const accept of ['*/*', 'application/json', 'application/json, text/html']) {
        const other = await asked(accept);
        expect([other.status, await other.json()]).toEqual([404, expect.objectContaining({ error: 'not-found' })]);
      }
      expect((await asked(BROWSER, 'HEAD')).status).toBe(404);
    });
  });
}

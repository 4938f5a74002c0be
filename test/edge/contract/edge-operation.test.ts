import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Overrides } from '../../../src/stack/overrides.ts';
import { type Answer, type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

let edge: EdgeBench;
const BALANCED = 'app: { replicas: 2, tls: false }\nedge: { rateLimit: false }';
beforeAll(async () => {
  edge = await edgeBench('edge-operation', BALANCED, 'balancer: true');
});
afterAll(() => edge.destroy());

const html = { accept: 'text/html' };
const name = ({ body }: Answer) => (JSON.parse(body.toString()) as { name: string }).name;

describe('the way to the application', () => {
  it('leads through the balancer', async () => {
    const names = [];
    for (let i = 0; i < 10; i++) names.push(name(await edge.ask('/echo')));
    expect(new Set(names)).toEqual(new Set(['balancer']));
  });

  it('goes to the replicas while the balancer is away, with no failed request, and back', async () => {
    const seen: string[] = [];
    const failed: unknown[] = [];
    let over = false;
    const client = async (method: string) => {
      while (!over) {
        const answer = await edge.ask('/echo', { method, body: method === 'POST' ? 'x' : '' }).catch((error: Error) => error);
        if (answer instanceof Error || answer.status !== 200) failed.push(answer);
        else seen.push(name(answer));
      }
    };
    const clients = [client('GET'), client('GET'), client('GET')];
    await edge.origin('balancer', 'kill');
    // What has not been sent yet is no risk to send elsewhere: these begin when it is gone.
    clients.push(client('POST'));
    await expect.poll(() => new Set(seen.slice(-20)), { timeout: 15_000 }).toEqual(new Set(['app-1', 'app-2']));
    await edge.origin('balancer', 'start');
    await expect.poll(() => new Set(seen.slice(-20)), { timeout: 15_000 }).toEqual(new Set(['balancer']));
    over = true;
    await Promise.all(clients);
    expect(failed).toEqual([]);
  });

  it('takes a request to another server only where that cannot do it twice', async () => {
    await edge.tell({ '/drop': { drop: true } });
    const before = await edge.count('/drop');
    expect((await edge.ask('/drop', { method: 'POST', body: 'x' })).status).toBe(502);
    expect((await edge.count('/drop')) - before).toBe(0);
    expect((await edge.ask('/drop')).status).toBe(502);
    expect((await edge.count('/drop')) - before).toBeGreaterThan(0);
  });
});

describe('maintenance', () => {
  const since = '2026-01-01T00:00:00Z';
  const order = (message?: string): Overrides => ({
    maintenance: { ...(message !== undefined && { message }), retryAfterSeconds: 1800, since },
  });

  it('answers 503 with a page and a time, and lets operators, health checks and the end of it through', async () => {
    const settings = `${BALANCED.replace(' }', ', healthPath: /health }')}`;
    const operators = settings.replace(
      'rateLimit',
      `operators: [192.0.2.0/24, "2001:db8::/32"], trustedProxies: ["${edge.self}"], rateLimit`,
    );
    expect(await edge.configure(operators, order('New disks; back at 22:00'))).toMatchObject({ status: 0 });
    const page = await edge.ask('/anything', { headers: html });
    expect(page).toMatchObject({ status: 503, headers: { 'retry-after': '1800', 'cache-control': 'no-store' } });
    expect(page.body.toString()).toContain('New disks; back at 22:00');
    const json = await edge.ask('/api/session', { method: 'POST' });
    expect(json.status).toBe(503);
    expect(JSON.parse(json.body.toString())).toMatchObject({ error: { code: 'maintenance', message: 'New disks; back at 22:00' } });
    for (const client of ['192.0.2.9', '2001:db8::9']) {
      expect((await edge.ask('/anything', { headers: { 'x-forwarded-for': client } })).status).toBe(200);
    }
    expect((await edge.ask('/anything', { headers: { 'x-forwarded-for': '198.51.100.1' } })).status).toBe(503);
    expect((await edge.ask('/health?x=1')).status).toBe(200);
    expect((await edge.ask('/healthy')).status).toBe(503);
    expect(await edge.configure(BALANCED)).toMatchObject({ status: 0 });
    expect((await edge.ask('/anything')).status).toBe(200);
  });

  it.each([
    '<script>alert(1)</script> & "quotes" \'single\'',
    '$host ${usd} $request_uri',
    'ends with a backslash \\',
    '"; return 200 "pwned"; #',
    '<!--# include file="/etc/passwd" -->',
    'naïve 日本語 🎬 {} ; }',
    `${'$"\\'.repeat(166)}$`,
    '語'.repeat(500),
  ])('shows any message as it is: %s', async (message) => {
    expect(await edge.configure(BALANCED, order(message))).toMatchObject({ status: 0 });
    const page = (await edge.ask('/', { headers: html })).body.toString();
    const shown = /<p>([\s\S]*?)<\/p>/.exec(page)?.[1] ?? '';
    expect(shown).not.toMatch(/[<>"]/);
    const decoded = shown.replace(
      /&(lt|gt|quot|amp|#39);/g,
      (_, entity: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&', '#39': "'" })[entity] ?? '?',
    );
    expect(decoded).toBe(message);
    expect(JSON.parse((await edge.ask('/')).body.toString())).toMatchObject({ error: { message } });
  });

  it('makes one line of many, and has words of its own', async () => {
    expect(await edge.configure(BALANCED, order('one\r\n\ttwo\u0000\u001b[31m'))).toMatchObject({ status: 0 });
    expect((await edge.ask('/', { headers: html })).body.toString()).toContain('<p>one two [31m</p>');
    expect(await edge.configure(BALANCED, order())).toMatchObject({ status: 0 });
    expect((await edge.ask('/', { headers: html })).body.toString()).toContain('It is closed for maintenance');
  });
});

describe('a reload', () => {
  it('ends once each worker has what the issuer says of the certificate, and sends it along', async () => {
    const ended = await edge.configure(BALANCED);
    expect([ended.status, ended.stderr]).toEqual([0, expect.not.stringContaining('no staple yet')]);
    const look = ['bash', '-c', 'openssl s_client -connect 127.0.0.1:8443 -servername localhost -status </dev/null 2>/dev/null'];
    const said = await Promise.all(Array.from({ length: 6 }, () => edge.exec(look)));
    for (const { stdout } of said) expect(stdout).toContain('OCSP Response Status: successful');
  });
});

describe('a configuration that nginx refuses', () => {
  it('is not taken: the old one serves on', async () => {
    expect(await edge.configure(BALANCED)).toMatchObject({ status: 0 });
    const refused = await edge.configure(BALANCED.replace('edge: {', 'edge: { uploadPaths: [/.edge/],'));
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain('duplicate location "/.edge/"');
    expect((await edge.ask('/echo')).status).toBe(200);
    expect((await edge.exec(['healthcheck'])).status).toBe(0);
  });

  it.each([
    'edge: { headers: { "X-A: b\\r\\nSet-Cookie": c } }',
    'edge: { headers: { X-A: "a\\nb" } }',
    'edge: { headers: { Content-Length: "0" } }',
    'edge: { uploadPaths: ["/a; return 200"] }',
    'edge: { uploadPaths: [/a, /a] }',
    'edge: { trustedProxies: [all] }',
    'edge: { trustedProxies: [10.0.0.0/33] }',
    'edge: { clientAddressHeader: "X-A; drop" }',
    'edge: { operators: ["0"] }',
    'edge: { rateLimit: { perSecond: 0 } }',
    'edge: { login: { paths: ["/a b"] } }',
    'edge: { connections: -1 }',
    'edge: { tls: { ciphers: old } }',
    'cdn: { paths: ["*.js)"] }',
    'cdn: { paths: [] }',
    'cdn: { host: "a b" }',
  ])('is mostly told by the settings before: %s', async (file) => {
    await expect(async () => edge.configure(file)).rejects.toMatchObject({ code: 'INVALID_SETTINGS' });
  });
});

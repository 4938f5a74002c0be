import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { switchLink } from '../../../src/core/files.ts';
import { APP_CERTIFICATE } from '../../../src/services/app/portal.ts';
import { becomes, beginUpload, cleanups, type Portal, start, status, tidy } from '../../support/portal-process.ts';
import { read } from './portal-contract.ts';

afterEach(tidy);

/** What one request on a connection of its caller's brings; the agent tells whether it was reused. */
async function ask(client: typeof http | typeof https, portal: Portal, options: https.RequestOptions, path = '/api/health') {
  const request = client.get(`${portal.url}${path}`, options);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  return {
    status: response.statusCode,
    connection: response.headers.connection,
    socket: request.socket as Socket,
    reused: request.reusedSocket,
  };
}

describe('a portal that is stopped', () => {
  it('finishes a request of 20 s, and ends with 0 before it would be killed', { timeout: 60_000 }, async () => {
    const portal = await start();
    await becomes(portal, '/api/health/ready', 200);
    const upload = beginUpload(portal);
    const answered = once(upload, 'response');
    await sleep(200);
    const stopped = Date.now();
    portal.child.kill('SIGTERM');
    for (let second = 0; second < 20; second++) {
      await sleep(1000);
      upload.write('more');
    }
    upload.end('\r\n--b--\r\n');
    expect((await answered)[0].statusCode).toBe(201);
    expect(await portal.exit).toBe(0);
    expect(Date.now() - stopped).toBeLessThan(25_000);
  });

  it('keeps idle connections open while proxies still use them, and asks for each to be closed', { timeout: 20_000 }, async () => {
    const portal = await start();
    await becomes(portal, '/api/health/ready', 200);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    cleanups.push(() => agent.destroy());
    const first = await ask(http, portal, { agent });
    expect(first.connection).toBe('keep-alive');
    const idle = http.request({ port: portal.port, agent: new http.Agent({ keepAlive: true }), path: '/api/health' });
    idle.end();
    const [response] = (await once(idle, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    const closed = once(idle.socket as Socket, 'close').then(() => Date.now());
    const stopped = Date.now();
    portal.child.kill('SIGTERM');
    await sleep(1200);
    expect(await ask(http, portal, { agent })).toMatchObject({ status: 200, reused: true, connection: 'close' });
    expect((await closed) - stopped).toBeGreaterThan(1900);
    expect(await portal.exit).toBe(0);
  });
});

describe('over TLS', () => {
  /** A folder as medianest installs certificates, and a CA that issues more. */
  async function certificates() {
    const folder = mkdtempSync(join(tmpdir(), 'portal-certs-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    let root: ReturnType<Parameters<typeof internalCa>[0]['load']>;
    const ca = internalCa({ load: () => root, save: (made) => (root = made) }, 'test');
    const install = async () => {
      const issued = await ca.issue(APP_CERTIFICATE, new Date());
      const target = join(folder, issued.serial);
      mkdirSync(target);
      writeFileSync(join(target, 'fullchain.pem'), issued.certificate + issued.chain);
      writeFileSync(join(target, 'privkey.pem'), issued.privateKey);
      chmodSync(join(target, 'privkey.pem'), 0o400);
      switchLink(join(folder, 'current'), issued.serial);
      return { serial: issued.serial, root: issued.root ?? '' };
    };
    const first = await install();
    const env = { TLS_CERT_FILE: join(folder, 'current/fullchain.pem'), TLS_KEY_FILE: join(folder, 'current/privkey.pem') };
    return { folder, install, env, ...first };
  }

  const serialOf = (socket: Socket) => (socket as TLSSocket).getPeerCertificate().serialNumber;
  const verified = (root: string) => ({ ca: root, servername: 'app' });
  const fresh = (portal: Portal, root: string) => ask(https, portal, { ...verified(root), agent: false });
  const ready = (portal: Portal, root: string) => vi.waitFor(async () => expect((await fresh(portal, root)).status).toBe(200), 15_000);

  it('speaks TLS 1.2 and 1.3 under the name app, and nothing else', async () => {
    const { env, root, serial } = await certificates();
    const portal = await start(env);
    await ready(portal, root);
    expect(serialOf((await fresh(portal, root)).socket)).toBe(serial);
    await expect(status({ ...portal, url: portal.url.replace('https', 'http') }, '/api/health')).resolves.toBeUndefined();
    const versions = await Promise.all(
      (['TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const).map(
        (version) =>
          new Promise((resolve) => {
            const socket = connect({
              port: portal.port,
              ...verified(root),
              minVersion: 'TLSv1',
              maxVersion: version,
              ciphers: 'DEFAULT@SECLEVEL=0',
            });
            socket.once('secureConnect', () => resolve(socket.getProtocol())).once('error', () => resolve('refused'));
            cleanups.push(() => socket.destroy());
          }),
      ),
    );
    expect(versions).toEqual(['refused', 'TLSv1.2', 'TLSv1.3']);
  });

  it('takes a renewed certificate on SIGHUP: open connections go on, new ones meet the new one', async () => {
    const { env, install, root, serial } = await certificates();
    const portal = await start(env);
    await ready(portal, root);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...verified(root) });
    cleanups.push(() => agent.destroy());
    expect(serialOf((await ask(https, portal, { agent })).socket)).toBe(serial);
    const renewed = await install();
    portal.child.kill('SIGHUP');
    await vi.waitFor(async () => expect(serialOf((await fresh(portal, root)).socket)).toBe(renewed.serial), 5000);
    const old = await ask(https, portal, { agent });
    expect([old.status, old.reused, serialOf(old.socket)]).toEqual([200, true, serial]);
    expect(portal.child.exitCode).toBeNull();
  });

  it('keeps the old pair when the new one is broken or does not match, and says so', async () => {
    const { env, folder, root, serial } = await certificates();
    const other = await certificates();
    const portal = await start(env);
    await ready(portal, root);
    for (const [name, breakIt] of [
      ['mismatch', (target: string) => cpSync(other.env.TLS_CERT_FILE, join(target, 'fullchain.pem'), { force: true })],
      ['garbage', (target: string) => writeFileSync(join(target, 'fullchain.pem'), 'garbage')],
    ] as const) {
      const target = join(folder, name);
      cpSync(join(folder, serial), target, { recursive: true });
      breakIt(target);
      switchLink(join(folder, 'current'), name);
      const before = portal.log().length;
      portal.child.kill('SIGHUP');
      await vi.waitFor(() => expect(portal.log().slice(before)).toMatch(/the certificate was not reloaded, the old one stays: \S/), 5000);
      expect(serialOf((await fresh(portal, root)).socket)).toBe(serial);
    }
    const [line] = portal.log().match(/.*does not belong to the key.*/) ?? [];
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 'error' });
    expect(new X509Certificate(other.root).subject).toContain('test');
  });

  it('drains as without it', { timeout: 20_000 }, async () => {
    const { env, root } = await certificates();
    const portal = await start(env);
    await ready(portal, root);
    portal.child.kill('SIGTERM');
    await sleep(300);
    const answer = await ask(https, portal, { ...verified(root), agent: false }, '/api/health/ready');
    expect([answer.status, answer.connection]).toEqual([503, 'close']);
    expect(await portal.exit).toBe(0);
  });
});

describe('with its static files elsewhere', () => {
  it('refers to them there, allows that origin and no other, and lets that origin have them', async () => {
    const portal = await start({ ASSETS_URL: 'https://static.example.org:8443/' });
    await becomes(portal, '/api/health', 200);
    const page = await fetch(portal.url);
    const html = await page.text();
    const links = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map((match) => match[1]);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(link).toMatch(/^https:\/\/static\.example\.org:8443\/[a-z]+\.(css|js|svg)\?v=[0-9a-f]{12}$/);
    const policy = page.headers.get('content-security-policy') ?? '';
    for (const rule of ['script-src', 'style-src', 'img-src']) expect(policy).toContain(`${rule} 'self' https://static.example.org:8443`);
    expect(policy).toContain("default-src 'self';");
    const script = await fetch(new URL(new URL(links.find((link) => link?.includes('.js')) ?? '').search, `${portal.url}/app.js`));
    expect(script.headers.get('cache-control')).toContain('immutable');
    expect(script.headers.get('access-control-allow-origin')).toBe('*');
    expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    const answer = await fetch(`${portal.url}/api/requests`);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });

  it('has them itself otherwise', async () => {
    const portal = await start();
    await becomes(portal, '/api/health', 200);
    const page = await fetch(portal.url);
    expect(await page.text()).toMatch(/src="\/app\.js\?v=/);
    expect(page.headers.get('content-security-policy')).not.toContain('script-src');
    expect((await fetch(`${portal.url}/app.css`)).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('shows no library where the media are in an object storage', async () => {
    const portal = await start({ S3_ENDPOINT: 'https://s3.example.org' });
    await becomes(portal, '/api/health', 200);
    expect(await read(fetch(`${portal.url}/api/status`))).toMatchObject({ media: { available: false } });
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { portalContract, read } from './portal-contract.ts';

const { PORTAL_TEST_URL, PORTAL_TEST_DATABASE_URL, PORTAL_TEST_REDIS_URL, PORTAL_TEST_UPLOAD_LIMIT } = process.env;
const SERVER = fileURLToPath(new URL('../../templates/app/image/src/server.js', import.meta.url));
const ODD = `q'u"o$te#s %25/@:?&=\\ \n\té🎬`;
const LIMIT = 1_000_000;

const load = createRequire(import.meta.url);
const processes: ChildProcess[] = [];
const cleanups: (() => unknown)[] = [];

type Portal = { url: string; child: ChildProcess; log: () => string; exit: Promise<number | null> };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function start(env: Record<string, string> = {}): Promise<Portal> {
  const port = await freePort();
  const uploads = await mkdtemp(join(tmpdir(), 'portal-'));
  const child = spawn(process.execPath, [SERVER], {
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      HOST: '127.0.0.1',
      UPLOADS_PATH: uploads,
      UPLOAD_LIMIT_BYTES: String(LIMIT),
      LOG_LEVEL: 'debug',
      DATABASE_URL: PORTAL_TEST_DATABASE_URL,
      REDIS_URL: PORTAL_TEST_REDIS_URL,
      ...env,
    },
  });
  processes.push(child);
  cleanups.push(() => rm(env.UPLOADS_PATH ?? uploads, { recursive: true, force: true }));
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk));
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return { url: `http://127.0.0.1:${port}`, child, log: () => log, exit };
}

/** The head of a form with one file; more of the file, or the end, may follow. */
function beginUpload(portal: Portal) {
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const upload = request(`${portal.url}/api/uploads`, { method: 'POST', headers });
  upload.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhalf');
  return upload;
}

const status = async (portal: Portal, path: string) => (await fetch(portal.url + path).catch(() => undefined))?.status;
const becomes = (portal: Portal, path: string, wanted: number) =>
  vi.waitFor(async () => expect(await status(portal, path)).toBe(wanted), { timeout: 15_000, interval: 100 });

const moved = (url: string | undefined, to: Partial<URL>) => Object.assign(new URL(url as string), to).href;

/** Stands before a real server, and can be taken away and put back. */
async function relay(target: string, defaultPort: number) {
  const { hostname, port } = new URL(target);
  const own = await freePort();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const open = async () => {
    server = createServer((near) => {
      const far = connect(Number(port || defaultPort), hostname);
      for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
      near.pipe(far).pipe(near);
    }).listen(own, '127.0.0.1');
    await once(server, 'listening');
  };
  const close = () => {
    server?.close();
    for (const socket of sockets) socket.destroy();
  };
  cleanups.push(close);
  const url = moved(target, { hostname: '127.0.0.1', port: String(own) });
  return { url, open, close };
}

/** A database and a Redis user of their own, both with a password that no shell would survive. */
async function oddAccounts() {
  const name = `odd_${randomBytes(4).toString('hex')}`;
  const database = new (load('pg').Client)({ connectionString: PORTAL_TEST_DATABASE_URL });
  await database.connect();
  await database.query(`CREATE ROLE ${name} LOGIN PASSWORD ${database.escapeLiteral(ODD)}`);
  await database.query(`CREATE DATABASE ${name} OWNER ${name}`);
  const redis = new (load('ioredis').Redis)(PORTAL_TEST_REDIS_URL);
  await redis.acl('SETUSER', name, 'on', `>${ODD}`, '~medianest:*', '+@all');
  cleanups.push(async () => {
    await redis.acl('DELUSER', name);
    redis.disconnect();
    await database.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await database.query(`DROP ROLE ${name}`);
    await database.end();
  });
  const login = { username: name, password: encodeURIComponent(ODD) };
  return {
    database: moved(PORTAL_TEST_DATABASE_URL, { ...login, pathname: name }),
    redis: moved(PORTAL_TEST_REDIS_URL, login),
  };
}

it('has something to run against: PORTAL_TEST_URL, or PORTAL_TEST_DATABASE_URL and PORTAL_TEST_REDIS_URL', () => {
  expect(PORTAL_TEST_URL ?? (PORTAL_TEST_DATABASE_URL && PORTAL_TEST_REDIS_URL)).toBeTruthy();
});

describe.runIf(PORTAL_TEST_URL)('a running portal', () => {
  portalContract(() => PORTAL_TEST_URL as string, PORTAL_TEST_UPLOAD_LIMIT ? { uploadLimit: Number(PORTAL_TEST_UPLOAD_LIMIT) } : {});
});

describe.runIf(PORTAL_TEST_DATABASE_URL && PORTAL_TEST_REDIS_URL)('a portal of our own', () => {
  async function tidy() {
    for (const child of processes.splice(0)) child.kill('SIGKILL');
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  }

  describe('contract', () => {
    let portal: Portal;
    beforeAll(async () => {
      portal = await start();
      await becomes(portal, '/api/health/ready', 200);
    });
    afterAll(tidy);
    portalContract(() => portal.url, { uploadLimit: LIMIT });
  });

  describe('life', () => {
    afterEach(tidy);

    it('starts before its dependencies, works when they come, and survives their absence', { timeout: 40_000 }, async () => {
      const database = await relay(PORTAL_TEST_DATABASE_URL as string, 5432);
      const redis = await relay(PORTAL_TEST_REDIS_URL as string, 6379);
      const portal = await start({ DATABASE_URL: database.url, REDIS_URL: redis.url });
      await becomes(portal, '/api/health', 200);
      const ready = await fetch(`${portal.url}/api/health/ready`);
      expect(ready.status).toBe(503);
      expect((await read(ready)).checks.map((check) => check.status)).toEqual(['failed', 'failed', 'ok']);
      expect(await status(portal, '/')).toBe(200);
      expect(await read(fetch(`${portal.url}/api/session`))).toEqual({ available: false, name: null });

      await Promise.all([database.open(), redis.open()]);
      await becomes(portal, '/api/health/ready', 200);
      redis.close();
      await becomes(portal, '/api/health/ready', 503);
      expect(await status(portal, '/api/requests')).toBe(200);
      database.close();
      const away = await fetch(`${portal.url}/api/requests`);
      expect(away.status).toBe(503);
      expect((await read(away)).message).toMatch(/cannot be reached right now/);
      await Promise.all([database.open(), redis.open()]);
      await becomes(portal, '/api/health/ready', 200);
      expect(portal.child.exitCode).toBeNull();
    });

    it('drains: readiness fails at once, a request under way finishes, then it ends with 0', { timeout: 20_000 }, async () => {
      const portal = await start();
      await becomes(portal, '/api/health/ready', 200);
      const upload = beginUpload(portal);
      const answered = once(upload, 'response');
      await sleep(200);
      portal.child.kill('SIGTERM');
      await sleep(200);
      const ready = await fetch(`${portal.url}/api/health/ready`);
      expect(ready.status).toBe(503);
      expect(ready.headers.get('connection')).toBe('close');
      expect(await read(ready)).toMatchObject({ status: 'draining' });
      expect(await status(portal, '/api/requests')).toBe(200);
      await sleep(2300);
      upload.end(' and half\r\n--b--\r\n');
      expect((await answered)[0].statusCode).toBe(201);
      expect(await portal.exit).toBe(0);
    });

    it('stops at once on a second signal', async () => {
      const portal = await start({ DRAIN_SECONDS: '10' });
      await becomes(portal, '/api/health', 200);
      portal.child.kill('SIGTERM');
      await sleep(100);
      portal.child.kill('SIGTERM');
      expect(await portal.exit).toBe(1);
    });

    it('leaves nothing on the disk of an upload that was broken off or too large', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'portal-'));
      const portal = await start({ UPLOADS_PATH: folder });
      await becomes(portal, '/api/health/ready', 200);
      const broken = beginUpload(portal).on('error', () => {});
      await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(1));
      broken.destroy();
      const form = new FormData();
      form.append('file', new Blob([new Uint8Array(LIMIT + 1)]), 'x');
      expect((await fetch(`${portal.url}/api/uploads`, { method: 'POST', body: form })).status).toBe(413);
      await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]));
    });

    it('takes passwords with any character from files; two replicas may prepare an empty database', { timeout: 20_000 }, async () => {
      const accounts = await oddAccounts();
      const folder = await mkdtemp(join(tmpdir(), 'portal-'));
      cleanups.push(() => rm(folder, { recursive: true }));
      await writeFile(join(folder, 'database'), `${accounts.database}\n`);
      await writeFile(join(folder, 'redis'), accounts.redis);
      const files = { DATABASE_URL_FILE: join(folder, 'database'), REDIS_URL_FILE: join(folder, 'redis') };
      const replicas = await Promise.all([start(files), start({ ...files, DATABASE_REPLICA_URL: 'postgres://nobody@127.0.0.1:1/none' })]);
      for (const portal of replicas) {
        await becomes(portal, '/api/health/ready', 200);
        expect(await status(portal, '/api/requests')).toBe(200);
        const forms = [ODD, encodeURIComponent(ODD), JSON.stringify(ODD).slice(1, -1)];
        expect(forms.filter((form) => portal.log().includes(form))).toEqual([]);
      }
      const logs = replicas.map((portal) => portal.log()).join('');
      expect(logs.match(/001-requests\.sql/g)).toHaveLength(1);
    });

    it('logs JSON with the correlation id, and never a secret', { timeout: 20_000 }, async () => {
      const secret = `s3cret-${randomBytes(6).toString('hex')}`;
      const wrong = { password: secret };
      const portal = await start({
        DATABASE_URL: moved(PORTAL_TEST_DATABASE_URL, wrong),
        REDIS_URL: moved(PORTAL_TEST_REDIS_URL, wrong),
        PLEX_URL: `http://user:${secret}@127.0.0.1:9`,
        PLEX_TOKEN: secret,
      });
      await becomes(portal, '/api/health', 200);
      const headers = { cookie: `medianest_session=${secret}`, authorization: secret, 'x-request-id': 'secret-test-1' };
      const paths = ['/api/health/ready', '/api/status', `/api/requests?token=${secret}`];
      const answers = await Promise.all(paths.map((path) => fetch(portal.url + path, { headers })));
      for (const answer of answers) expect(await answer.text()).not.toContain(secret);
      await sleep(300);
      expect(portal.log()).not.toContain(secret);
      for (const line of portal.log().trim().split('\n')) JSON.parse(line);
      expect(portal.log().match(/"correlationId":"secret-test-1"/g)).toHaveLength(3);
    });
  });
});

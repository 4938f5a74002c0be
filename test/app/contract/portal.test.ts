import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { becomes, beginUpload, cleanups, LIMIT, moved, type Portal, relay, start, status, tidy } from '../../support/portal-process.ts';
import { portalContract, read } from './portal-contract.ts';

const { PORTAL_TEST_URL, PORTAL_TEST_DATABASE_URL, PORTAL_TEST_REDIS_URL, PORTAL_TEST_UPLOAD_LIMIT } = process.env;
const ODD = `q'u"o$te#s %25/@:?&=\\ \n\té🎬`;
const load = createRequire(import.meta.url);

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
      const portal = await start({ DATABASE_URL: database.url, REDIS_URL: redis.url, READY_GRACE: '2' });
      await becomes(portal, '/api/health', 200);
      const ready = await fetch(`${portal.url}/api/health/ready`);
      expect(ready.status).toBe(503);
      expect((await read(ready)).checks.map((check) => check.status)).toEqual(['failed', 'failed', 'ok']);
      expect(await status(portal, '/')).toBe(200);
      expect(await read(fetch(`${portal.url}/api/session`))).toEqual({ available: false, name: null });

      await Promise.all([database.open(), redis.open()]);
      await becomes(portal, '/api/health/ready', 200);
      redis.close();
      const pause = await fetch(`${portal.url}/api/health/ready`);
      expect([pause.status, (await read(pause)).checks.map((check) => check.status)]).toEqual([200, ['ok', 'away', 'ok']]);
      await redis.open();
      await vi.waitFor(async () => {
        expect((await read(fetch(`${portal.url}/api/health/ready`))).checks.map((check) => check.status)).toEqual(['ok', 'ok', 'ok']);
      }, 5000);
      redis.close();
      expect(await status(portal, '/api/health/ready')).toBe(200);
      const away = Date.now();
      await becomes(portal, '/api/health/ready', 503);
      expect(Date.now() - away).toBeGreaterThan(1500);
      expect(await status(portal, '/api/requests')).toBe(200);
      database.close();
      const answer = await fetch(`${portal.url}/api/requests`);
      expect(answer.status).toBe(503);
      expect((await read(answer)).message).toMatch(/cannot be reached right now/);
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
      expect((await fetch(`${portal.url}/api/uploads`, { method: 'POST', headers: { origin: portal.url }, body: form })).status).toBe(413);
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

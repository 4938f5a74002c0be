import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { becomes, beginUpload, type Portal, start, tidy } from '../../support/portal-process.ts';

const load = createRequire(new URL('../../../templates/app/image/package.json', import.meta.url));
const KB = 1000;
const MIB = 1024 ** 2;
// Loopback is a trusted proxy of the portal, as the edge is.
const upload = async (portal: Portal, bytes: number, client = '192.0.2.1') => {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(bytes)]), 'a.bin');
  const answer = await fetch(`${portal.url}/api/uploads`, {
    method: 'POST',
    body,
    headers: { origin: portal.url, 'x-forwarded-for': client },
  });
  return { status: answer.status, ...((await answer.json()) as { id: string; error?: string }) };
};
const begin = async (env: Record<string, string>) => {
  const portal = await start(env);
  await becomes(portal, '/api/health/ready', 200);
  return portal;
};
const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).sort();

let database: { connect(): Promise<void>; end(): Promise<void>; query(text: string): Promise<{ rows: Record<string, number>[] }> };
beforeAll(async () => {
  database = new (load('pg').Client)(process.env.PORTAL_TEST_DATABASE_URL);
  await database.connect();
});
afterAll(() => database.end());
beforeEach(async () => {
  await tidy();
  await begin({});
  await database.query('TRUNCATE uploads, upload_reservations, upload_days');
});
afterEach(tidy);

const stored = async () => Number((await database.query('SELECT coalesce(sum(size), 0) AS bytes FROM uploads')).rows[0]?.bytes);
const reservations = async () => (await database.query('SELECT id FROM upload_reservations')).rows.length;

describe('the quota of all uploads', () => {
  const QUOTA = { UPLOAD_QUOTA_BYTES: String(1000 * KB) };

  it('holds against many at once at two replicas, and after a restart', async () => {
    const replicas = [await begin(QUOTA), await begin(QUOTA)];
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => upload(replicas[i % 2] as Portal, 300 * KB, `192.0.2.${i}`)));
    expect(statuses(answers)).toEqual([201, 201, 201, ...Array(9).fill(507)]);
    expect(answers.filter(({ status }) => status === 507).map(({ error }) => error)).toEqual(Array(9).fill('full'));
    expect([await stored(), await reservations()]).toEqual([900 * KB, 0]);
    const again = await begin(QUOTA);
    expect((await upload(again, 300 * KB)).status).toBe(507);
    const [file] = answers.filter(({ status }) => status === 201);
    expect((await fetch(`${again.url}/api/uploads/${file?.id}`, { method: 'DELETE', headers: { origin: again.url } })).status).toBe(204);
    expect((await upload(again, 300 * KB)).status).toBe(201);
  });

  it('gets back the room of an upload that its sender ends, and of one whose portal was killed', async () => {
    const portal = await begin(QUOTA);
    const killed = await begin(QUOTA);
    const ended = beginUpload(portal);
    ended.on('error', () => {});
    // Without a length it has room for the largest.
    await vi.waitFor(async () => expect(await reservations()).toBe(1), 5000);
    expect((await upload(portal, 300 * KB)).status).toBe(507);
    ended.destroy();
    await vi.waitFor(async () => expect(await reservations()).toBe(0), 5000);
    expect((await upload(portal, 300 * KB)).status).toBe(201);

    await database.query('TRUNCATE uploads');
    const lost = beginUpload(killed);
    lost.on('error', () => {});
    await vi.waitFor(async () => expect(await reservations()).toBe(1), 5000);
    killed.child.kill('SIGKILL');
    await killed.exit;
    expect((await upload(portal, 300 * KB)).status).toBe(507);
    const { rows } = await database.query('SELECT extract(epoch FROM expires_at - now())::float8 AS left FROM upload_reservations');
    expect(rows[0]?.left).toBeLessThan(91);
    // What 90 s do.
    await database.query("UPDATE upload_reservations SET expires_at = now() - interval '1 s'");
    expect((await upload(portal, 300 * KB)).status).toBe(201);
    expect(await reservations()).toBe(0);
  });

  it('is looked at again for an upload whose room has ended meanwhile', async () => {
    const portal = await begin(QUOTA);
    const slow = beginUpload(portal);
    const answered = once(slow, 'response');
    await vi.waitFor(async () => expect(await reservations()).toBe(1), 5000);
    await database.query("UPDATE upload_reservations SET expires_at = now() - interval '1 s'");
    expect(statuses([await upload(portal, 450 * KB), await upload(portal, 450 * KB)])).toEqual([201, 201]);
    slow.end(`${'x'.repeat(200 * KB)}\r\n--b--\r\n`);
    expect((await answered)[0].statusCode).toBe(507);
    expect([await stored(), await reservations()]).toEqual([900 * KB, 0]);
  });
});

describe('the quota of one client and day', () => {
  const QUOTA = { UPLOAD_CLIENT_QUOTA_BYTES: String(1000 * KB) };

  it('is its own, holds against many at once, and counts what was deleted', async () => {
    const replicas = [await begin(QUOTA), await begin(QUOTA)];
    const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => upload(replicas[i % 2] as Portal, 300 * KB)));
    expect(statuses(answers)).toEqual([201, 201, 201, 429, 429, 429]);
    const [file] = answers.filter(({ status }) => status === 201);
    const portal = replicas[0] as Portal;
    await fetch(`${portal.url}/api/uploads/${file?.id}`, { method: 'DELETE', headers: { origin: portal.url } });
    expect((await upload(portal, 300 * KB)).status).toBe(429);
    expect((await upload(portal, 300 * KB, '192.0.2.2')).status).toBe(201);
    await database.query('UPDATE upload_days SET day = day - 1');
    expect((await upload(portal, 300 * KB)).status).toBe(201);
  });

  it('is that of a whole IPv6 network', async () => {
    const portal = await begin(QUOTA);
    const clients = ['2001:db8::1', '2001:db8::2', '2001:db8::ffff:3', '2001:db8:0:1::1'];
    const answers: number[] = [];
    for (const client of clients) answers.push((await upload(portal, 400 * KB, client)).status);
    expect(answers).toEqual([201, 201, 429, 201]);
  });
});

describe('a disk with no more than its reserve', () => {
  let disk = '';
  beforeAll(() => {
    disk = mkdtempSync(join(tmpdir(), 'portal-disk-'));
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk]).status).toBe(0);
  });
  afterAll(() => {
    spawnSync('umount', [disk]);
    rmSync(disk, { recursive: true, force: true });
  });
  /** What is in it goes with its portal. */
  const uploads = () => mkdtempSync(join(disk, 'uploads-'));
  const partial = () => readdirSync(disk).flatMap((name) => (name.startsWith('uploads-') ? readdirSync(join(disk, name)) : []));
  const SMALL = { UPLOAD_RESERVE_BYTES: String(40 * MIB), UPLOAD_LIMIT_BYTES: String(32 * MIB) };

  it('refuses uploads with 507 before and while it takes them, and all else works', { timeout: 30_000 }, async () => {
    const portal = await begin({ ...SMALL, UPLOADS_PATH: uploads() });
    expect((await upload(portal, 4 * MIB)).status).toBe(201);
    // It says what it will send.
    expect(await upload(portal, 28 * MIB)).toMatchObject({ status: 507, error: 'full' });
    expect((await upload(portal, 16 * MIB)).status).toBe(201);

    expect(spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'other')}`, 'bs=1M', 'count=6']).status).toBe(0);
    expect(await upload(portal, 1 * KB)).toMatchObject({ status: 507, error: 'full' });
    const ready = await fetch(`${portal.url}/api/health/ready`);
    expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('full: uploads are refused')]);
    const headers = { origin: portal.url, 'content-type': 'application/json' };
    const made = await fetch(`${portal.url}/api/requests`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ title: 'x', kind: 'movie' }),
    });
    expect(made.status).toBe(201);
    await fetch(`${portal.url}/api/requests/${((await made.json()) as { id: string }).id}`, {
      method: 'DELETE',
      headers: { origin: portal.url },
    });
    expect(partial().filter((name) => name.startsWith('.partial-'))).toEqual([]);
    expect(await reservations()).toBe(0);
    rmSync(join(disk, 'other'));
  });

  it('ends one that others leave no room for while it comes in', { timeout: 30_000 }, async () => {
    const portal = await begin({ ...SMALL, UPLOADS_PATH: uploads() });
    const headers = { origin: portal.url, 'content-type': 'multipart/form-data; boundary=b', 'content-length': String(20 * MIB) };
    const sent = request(`${portal.url}/api/uploads`, { method: 'POST', headers });
    sent.on('error', () => {});
    const answered = once(sent, 'response');
    sent.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n');
    sent.write(Buffer.alloc(MIB));
    await vi.waitFor(() => expect(partial()).toEqual([expect.stringMatching(/^\.partial-/)]), 5000);
    expect(spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'other')}`, 'bs=1M', 'count=23']).status).toBe(0);
    sent.write(Buffer.alloc(8 * MIB));
    expect((await answered)[0].statusCode).toBe(507);
    sent.destroy();
    expect(partial()).toEqual([]);
    expect([await stored(), await reservations()]).toEqual([0, 0]);
    rmSync(join(disk, 'other'));
  });
});

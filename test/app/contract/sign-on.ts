import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { becomes, cleanups, moved, start } from '../../support/portal-process.ts';

const { PORTAL_TEST_DATABASE_URL } = process.env;
const load = createRequire(import.meta.url);
const KEY = randomBytes(32).toString('base64url');

/** Every field that some answer of the portal has: the assertions tell which belongs where. */
export interface Answer {
  id: number;
  name: string;
  title: string;
  status: string;
  message: string;
  lane: string;
  failed: boolean;
  attempts: number;
  usualQuota: number;
  watchUrl: string | null;
  poster: string | null;
  availability: string | null;
  nextPage: number | null;
  forward: { state: string; message: string | null } | null;
  items: Answer[];
}
export const read = async (response: Response | Promise<Response>) => (await (await response).json()) as Answer;

export type Claims = Record<string, unknown>;
type Head = Record<string, unknown>;

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What the edge says of a visitor. */
export function assertion(claims: Claims, { head = { alg: 'HS256', typ: 'JWT' } as Head, key = KEY } = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const text = `${part(head)}.${part({ iat: now, exp: now + 60, mfa: true, ...claims })}`;
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
}

/** A database of its own: people and tasks of other tests would be in the way. `sql` asks it. */
export async function ownDatabase() {
  const name = `people_${randomBytes(4).toString('hex')}`;
  const { Client } = load('pg');
  const server = new Client({ connectionString: PORTAL_TEST_DATABASE_URL });
  await server.connect();
  await server.query(`CREATE DATABASE ${name}`);
  const url = moved(PORTAL_TEST_DATABASE_URL, { pathname: name });
  const client = new Client({ connectionString: url });
  await client.connect();
  cleanups.push(async () => {
    await client.end();
    await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await server.end();
  });
  const sql = async (text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Record<string, unknown>[];
  return { url, sql };
}

/** A portal behind sign-on, and visitors of it. */
export async function behindSignOn(env: Record<string, string> = {}, database?: Awaited<ReturnType<typeof ownDatabase>>) {
  const { url, sql } = database ?? (await ownDatabase());
  const folder = await mkdtemp(join(tmpdir(), 'portal-key-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, `${KEY}\n`);
  const settings = { DATABASE_URL: url, SIGN_ON_KEY_FILE: keyFile, PORTAL_CHECK_SECONDS: '0.2', ...env };
  const portal = await start(settings);
  await becomes(portal, '/api/health/ready', 200);
  const aud = new URL(portal.url).host;

  /** A person: each request of theirs has an assertion made now. */
  const visitor = (subject: string, role: string) => {
    const claims = {
      sub: subject,
      name: subject[0]?.toUpperCase() + subject.slice(1),
      email: `${subject}@example.org`,
      groups: [role],
      aud,
    };
    const call = async (path: string, { json, ...init }: RequestInit & { json?: unknown } = {}) => {
      const headers = new Headers(init.headers);
      headers.set('x-medianest-assertion', assertion(claims));
      headers.set('origin', portal.url);
      // Lists come from a replica otherwise, where there is one.
      if (!headers.has('cookie')) headers.set('cookie', 'medianest_fresh=1');
      if (json !== undefined) headers.set('content-type', 'application/json');
      return fetch(portal.url + path, { ...init, headers, ...(json !== undefined && { body: JSON.stringify(json) }) });
    };
    const body = async (path: string, init?: Parameters<typeof call>[1]) => read(call(path, init));
    const ask = (title: string, more: object = {}) => call('/api/requests', { method: 'POST', json: { title, kind: 'movie', ...more } });
    const decide = (id: number, status: string) => call(`/api/requests/${id}`, { method: 'PATCH', json: { status } });
    return { claims, call, body, ask, decide };
  };
  return { portal, aud, sql, visitor, settings };
}

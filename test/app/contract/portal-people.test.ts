import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { becomes, relay, start, tidy } from '../../support/portal-process.ts';
import { assertion, behindSignOn, type Claims, ownDatabase, read } from './sign-on.ts';

const IMAGE = fileURLToPath(new URL('../../../templates/app/image', import.meta.url));

/** A number that no row has: who may, gets 404. */
const NONE = 999_999_999;
const ROLES = ['stranger', 'guest', 'member', 'operator', 'admin'] as const;

/**
 * Each route of the API, and what it answers to a person without a role of ours, a guest, a member, an operator and an administrator.
 */
const MATRIX: [method: string, path: string, json: unknown, ...answers: [number, number, number, number, number]][] = [
  ['GET', '/api/me', undefined, 403, 200, 200, 200, 200],
  ['GET', '/api/session', undefined, 403, 200, 200, 200, 200],
  ['POST', '/api/session', { name: 'Another' }, 403, 403, 409, 409, 409],
  ['GET', '/api/status', undefined, 403, 200, 200, 200, 200],
  ['GET', '/api/requests', undefined, 403, 200, 200, 200, 200],
  ['POST', '/api/requests', { title: 'x' }, 403, 403, 400, 400, 400],
  ['PATCH', `/api/requests/${NONE}`, { status: 'approved' }, 403, 403, 403, 404, 404],
  ['POST', `/api/requests/${NONE}/retry`, undefined, 403, 403, 403, 404, 404],
  ['DELETE', `/api/requests/${NONE}`, undefined, 403, 403, 404, 404, 404],
  ['GET', '/api/search?query=x', undefined, 403, 404, 404, 404, 404],
  ['GET', '/api/posters/x.jpg', undefined, 403, 404, 404, 404, 404],
  ['GET', '/api/uploads', undefined, 403, 200, 200, 200, 200],
  ['POST', '/api/uploads', {}, 403, 403, 415, 415, 415],
  ['GET', '/api/uploads/00000000-0000-4000-8000-000000000000', undefined, 403, 404, 404, 404, 404],
  ['DELETE', '/api/uploads/00000000-0000-4000-8000-000000000000', undefined, 403, 403, 404, 404, 404],
  ['GET', '/api/people', undefined, 403, 403, 403, 403, 200],
  ['PATCH', `/api/people/${NONE}`, { requestQuota: 1 }, 403, 403, 403, 403, 404],
  ['GET', '/api/deliveries', undefined, 403, 403, 403, 403, 200],
];
const pattern = (path: string) =>
  path
    .split('?')[0]
    ?.replace(/\/(\d+|[\da-f]{8}-[\da-f-]+)(?=\/|$)/, '/:id')
    .replace('x.jpg', ':file');

let behind: Awaited<ReturnType<typeof behindSignOn>>;
beforeAll(async () => {
  behind = await behindSignOn({ PORTAL_REQUEST_QUOTA: '3' });
});
afterAll(tidy);

const upload = () => {
  const form = new FormData();
  form.append('file', new Blob(['a file']), 'file.txt');
  return { method: 'POST', body: form };
};

describe('what a role may', () => {
  it.each(MATRIX)('%s %s', async (method, path, json, ...answers) => {
    const got = await Promise.all(ROLES.map(async (role) => (await behind.visitor(`${role}-1`, role).call(path, { method, json })).status));
    expect(got).toEqual(answers);
    const headers = { origin: behind.portal.url, ...(json !== undefined && { 'content-type': 'application/json' }) };
    const unknown = await fetch(behind.portal.url + path, { method, headers, ...(json !== undefined && { body: JSON.stringify(json) }) });
    expect([unknown.status, (await unknown.json()) as object]).toEqual([401, expect.objectContaining({ error: 'sign-in' })]);
  });

  it('is told of every route', () => {
    const routes = readdirSync(`${IMAGE}/src/routes`).flatMap((file) => {
      const text = readFileSync(`${IMAGE}/src/routes/${file}`, 'utf8');
      return [...text.matchAll(/app\.(get|post|put|patch|delete)\(\s*'(\/api\/(?!health)[^']+)'/g)].map(
        ([, method, path]) => `${method?.toUpperCase()} ${path}`,
      );
    });
    expect(routes.length).toBeGreaterThan(15);
    expect(MATRIX.map(([method, path]) => `${method} ${pattern(path)}`).sort()).toEqual(routes.sort());
  });

  it('needs nothing where there is no data: pages, their parts, health and metrics', async () => {
    for (const path of ['/', '/admin', '/app.js', '/api/health', '/api/health/ready', '/metrics']) {
      expect([path, (await fetch(behind.portal.url + path)).status]).toEqual([path, 200]);
    }
  });
});

describe('who a request is from', () => {
  const me = (headers: Record<string, string>) => fetch(`${behind.portal.url}/api/me`, { headers });
  const claims = (more: Claims = {}): Claims => ({ sub: 'eve', name: 'Eve', groups: ['admin'], aud: behind.aud, ...more });
  const now = () => Math.floor(Date.now() / 1000);

  it('is what the assertion says, and nothing else does', async () => {
    const answer = await me({
      'x-medianest-assertion': assertion(claims({ groups: ['member', 'family'] })),
      'remote-user': 'root',
      'remote-groups': 'admin',
    });
    expect(await answer.json()).toMatchObject({
      signOn: true,
      name: 'Eve',
      role: 'member',
      mfa: true,
      rights: ['look', 'request'],
      quota: { limit: 3, used: 0, days: 7 },
    });
    expect((await me({ 'remote-user': 'root', 'remote-groups': 'admin', 'x-forwarded-user': 'root' })).status).toBe(401);
  });

  it.each<[string, () => string]>([
    ['is signed with another key', () => assertion(claims(), { key: 'k'.repeat(32) })],
    ['says alg none', () => assertion(claims(), { head: { alg: 'none' } })],
    ['says another algorithm', () => assertion(claims(), { head: { alg: 'HS512' } })],
    ['has expired 31 s ago', () => assertion(claims({ exp: now() - 31 }))],
    ['is for another host', () => assertion(claims({ aud: 'other.example.org' }))],
    ['is sent twice', () => `${assertion(claims())}, ${assertion(claims())}`],
    [
      'was changed',
      () =>
        assertion(claims({ groups: ['guest'] })).replace(
          /^([^.]+)\.[^.]+/,
          `$1.${Buffer.from(JSON.stringify(claims({ exp: now() + 60 }))).toString('base64url')}`,
        ),
    ],
  ])('is not known where the assertion %s', async (_what, token) => {
    expect((await me({ 'x-medianest-assertion': token() })).status).toBe(401);
  });

  it('is known 29 s after the assertion’s end: clocks differ', async () => {
    expect((await me({ 'x-medianest-assertion': assertion(claims({ exp: now() - 28 })) })).status).toBe(200);
  });

  it('is not enough for a page of a neighbour: what changes something comes from our own', async () => {
    const from = (headers: Record<string, string>) =>
      fetch(`${behind.portal.url}/api/requests/${NONE}`, {
        method: 'DELETE',
        headers: { 'x-medianest-assertion': assertion(claims()), ...headers },
      });
    expect((await from({ 'sec-fetch-site': 'same-site', origin: 'http://neighbour.127.0.0.1' })).status).toBe(403);
    expect((await from({ 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await from({})).status).toBe(403);
    expect((await from({ 'sec-fetch-site': 'same-origin' })).status).toBe(404);
  });

  it('has to be for one of the hosts that are named, where some are', async () => {
    const named = await behindSignOn({ SIGN_ON_HOSTS: 'media.example.org' });
    const status = async (aud: string) =>
      (await fetch(`${named.portal.url}/api/me`, { headers: { 'x-medianest-assertion': assertion(claims({ aud })) } })).status;
    expect([await status('media.example.org'), await status(named.aud)]).toEqual([200, 401]);
  });
});

describe('requests', () => {
  it('are seen by the one who has asked, and by operators; guests see what is there, without names', async () => {
    const { visitor } = behind;
    const [ana, bob, guest, operator] = [
      visitor('ana', 'member'),
      visitor('bob', 'member'),
      visitor('gast', 'guest'),
      visitor('olga', 'operator'),
    ];
    const asked = await ana.ask('  Alien   3 ', { note: 'please' });
    expect(asked.status).toBe(201);
    const { id, ...request } = await read(asked);
    expect(request).toMatchObject({ title: 'Alien 3', note: 'please', requestedBy: 'Ana', mine: true, status: 'requested', forward: null });
    const sees = async (who: typeof ana, query = '') =>
      (await who.body(`/api/requests?limit=100${query}`)).items.find((entry) => entry.id === id);
    expect([await sees(ana), await sees(bob), await sees(guest)]).toEqual([expect.objectContaining({ mine: true }), undefined, undefined]);
    expect(await sees(operator, '&status=requested')).toMatchObject({ requestedBy: 'Ana', mine: false });

    expect((await bob.call(`/api/requests/${id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await operator.decide(id, 'approved')).status).toBe(200);
    expect((await ana.call(`/api/requests/${id}`, { method: 'DELETE' })).status).toBe(409);
    expect((await operator.decide(id, 'available')).status).toBe(200);
    expect(await sees(guest)).toMatchObject({ title: 'Alien 3', note: null, requestedBy: null, mine: false });
    expect(await sees(operator, '&status=requested')).toBeUndefined();
    expect((await operator.call(`/api/requests/${id}`, { method: 'DELETE' })).status).toBe(204);
  });

  it('are told when there is one of the same, and make no second row', async () => {
    const [ana, bob] = [behind.visitor('ana2', 'member'), behind.visitor('bob2', 'member')];
    const { id } = await read(await ana.ask('Brazil'));
    const again = await bob.ask('bRAZIL');
    expect([again.status, (await again.json()) as object]).toEqual([
      409,
      expect.objectContaining({ error: 'duplicate', message: 'Another person has already requested “Brazil”.' }),
    ]);
    expect((await read(await ana.ask('Brazil'))).message).toBe('You have already requested “Brazil”.');
    expect((await bob.ask('Brazil', { kind: 'music' })).status).toBe(201);
    const operator = behind.visitor('olga', 'operator');
    await operator.decide(id, 'declined');
    expect((await bob.ask('Brazil')).status).toBe(201);
    expect(await behind.sql(`SELECT count(*)::int AS count FROM requests WHERE lower(title) = 'brazil' AND kind = 'movie'`)).toEqual([
      { count: 2 },
    ]);
  });

  it('are one, where two people ask for the same at the same moment', async () => {
    const people = Array.from({ length: 6 }, (_, n) => behind.visitor(`crowd-${n}`, 'member'));
    const answers = await Promise.all(people.map(async (person) => (await person.ask('Heat')).status));
    expect(answers.sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  it('come from requested to approved or declined, and from approved to available; twice is once', async () => {
    const [ana, operator] = [behind.visitor('ana3', 'member'), behind.visitor('olga', 'operator')];
    const { id } = await read(await ana.ask('Solaris'));
    const steps: [string, number][] = [
      ['available', 409],
      ['declined', 200],
      ['declined', 200],
      ['approved', 409],
      ['requested', 200],
      ['approved', 200],
      ['approved', 200],
      ['declined', 409],
      ['available', 200],
      ['requested', 409],
    ];
    for (const [status, answer] of steps) expect([status, (await operator.decide(id, status)).status]).toEqual([status, answer]);
    const refused = await operator.decide(id, 'declined');
    expect((await read(refused)).message).toBe('“Solaris” is available: it cannot become declined.');
  });

  it('are as many in 7 days as a member may make, also at the same moment; an administrator gives a person more', async () => {
    const [cem, admin] = [behind.visitor('cem', 'member'), behind.visitor('root', 'admin')];
    const asks = await Promise.all(Array.from({ length: 5 }, async (_, n) => (await cem.ask(`Film ${n}`)).status));
    expect(asks.sort()).toEqual([201, 201, 201, 429, 429]);
    expect(await cem.body('/api/me')).toMatchObject({ quota: { limit: 3, used: 3, days: 7 } });
    const { items, usualQuota } = await admin.body('/api/people?limit=100');
    const row = items.find((person) => person.name === 'Cem');
    expect([row, usualQuota]).toEqual([
      expect.objectContaining({ email: 'cem@example.org', role: 'member', requests: 3, requestsInQuota: 3, requestQuota: null }),
      3,
    ]);
    expect((await admin.call(`/api/people/${row?.id}`, { method: 'PATCH', json: { requestQuota: 4 } })).status).toBe(200);
    expect([(await cem.ask('Film 8')).status, (await cem.ask('Film 9')).status]).toEqual([201, 429]);
    await behind.sql(`UPDATE requests SET created_at = now() - interval '8 days' WHERE owner = $1`, [row?.id]);
    expect((await cem.ask('Film 9')).status).toBe(201);
  });

  it('are made once for each key, and a key of another person’s shows nothing of theirs', async () => {
    const [ana, bob] = [behind.visitor('ana4', 'member'), behind.visitor('bob4', 'member')];
    const headers = { 'idempotency-key': 'one-key-of-ana' };
    const post = (who: typeof ana, title: string) =>
      who.call('/api/requests', { method: 'POST', headers, json: { title, kind: 'movie', note: 'secret' } });
    const [first, second] = [await post(ana, 'Stalker'), await post(ana, 'Stalker')];
    expect([first.status, second.status, second.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
    const stolen = await post(bob, 'Stalker');
    expect([stolen.status, JSON.stringify(await stolen.json())]).toEqual([409, expect.not.stringContaining('secret')]);
  });
});

describe('a database whose leader is away', () => {
  it('still lists, from a replica, for a person who has been here, also with another role than then', async () => {
    const database = await ownDatabase();
    const leader = await relay(database.url, 5432);
    await leader.open();
    const { visitor } = await behindSignOn({ DATABASE_URL: leader.url, DATABASE_REPLICA_URL: database.url }, database);
    const [ana, bob] = [visitor('ana', 'member'), visitor('bob', 'member')];
    await ana.ask('Tron');
    ana.claims.groups = ['operator'];
    leader.close();
    const list = (who: typeof ana) => who.call('/api/requests', { headers: { cookie: 'theme=dark' } });
    expect((await read(list(ana))).items.map(({ title }) => title)).toEqual(['Tron']);
    // Who was never here has no number, and so no list: it is not told that there is nothing.
    expect((await list(bob)).status).toBe(503);
  });
});

describe('uploads', () => {
  it('have the name that sign-on knows; members delete their own, operators all', async () => {
    const [ana, bob, operator] = [behind.visitor('ana', 'member'), behind.visitor('bob', 'member'), behind.visitor('olga', 'operator')];
    const [one, two] = [await ana.body('/api/uploads', upload()), await ana.body('/api/uploads', upload())];
    expect(one).toMatchObject({ uploadedBy: 'Ana', mine: true });
    const remove = async (who: typeof ana, id: number | string) => (await who.call(`/api/uploads/${id}`, { method: 'DELETE' })).status;
    expect([await remove(bob, one.id), await remove(ana, one.id), await remove(operator, two.id)]).toEqual([404, 204, 204]);
  });
});

describe('a database of before sign-on', () => {
  it('keeps its rows, which have no owner, and takes those of a portal that is not replaced yet', async () => {
    const database = await ownDatabase();
    await database.sql('CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())');
    for (const name of ['001-requests.sql', '002-uploads.sql', '003-upload-quota.sql']) {
      await database.sql(readFileSync(`${IMAGE}/migrations/${name}`, 'utf8'));
      await database.sql('INSERT INTO schema_migrations (name) VALUES ($1)', [name]);
    }
    // As the portal before this one writes.
    const old = (title: string) =>
      database.sql('INSERT INTO requests (title, kind, note, requested_by, idempotency_key) VALUES ($1, $2, $3, $4, $5)', [
        title,
        'movie',
        null,
        'Old',
        null,
      ]);
    await old('Metropolis');
    const { visitor } = await behindSignOn({}, database);
    await old('Nosferatu');
    const titles = async (role: string) => (await visitor(role, role).body('/api/requests')).items.map(({ title }) => title);
    expect([await titles('operator'), await titles('member')]).toEqual([['Nosferatu', 'Metropolis'], []]);
    expect((await visitor('ana', 'member').ask('metropolis')).status).toBe(409);
  });
});

describe('without sign-on', () => {
  it('the portal is as before: every visitor may do everything, and the page says so', async () => {
    const portal = await start({
      OVERSEERR_URL: 'http://127.0.0.1:1',
      OVERSEERR_API_KEY: 'k',
      NOTIFY_NTFY_URL: 'http://127.0.0.1:1',
      NOTIFY_NTFY_TOPIC: 't',
    });
    await becomes(portal, '/api/health/ready', 200);
    const me = await (
      await fetch(`${portal.url}/api/me`, {
        headers: { 'x-medianest-assertion': assertion({ sub: 'eve', groups: ['admin'], aud: behind.aud }) },
      })
    ).json();
    expect(me).toEqual({
      signOn: false,
      name: null,
      email: null,
      role: null,
      mfa: false,
      rights: ['look', 'request', 'decide'],
      quota: null,
      search: false,
      signOutUrl: null,
    });
    expect(await (await fetch(portal.url)).text()).toContain('Sign-on is off');
    // What a stranger must not start.
    expect((await fetch(`${portal.url}/api/search?query=x`)).status).toBe(404);
    expect((await fetch(`${portal.url}/api/people`)).status).toBe(403);
  });
});

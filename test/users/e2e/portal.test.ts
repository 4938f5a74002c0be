import { afterAll, beforeAll, expect, test } from 'vitest';
import { PASSWORDS, type Person, type SignOnStack, signOnStack, tokenOf } from '../../support/sign-on/sign-on-stack.ts';
import { unusedTotp, type Visitor } from '../../support/sign-on/visitor.ts';
import { until } from '../../support/stack.ts';

let stack: SignOnStack;
const people = {} as Record<Person, Visitor>;

/** Registers an authenticator app where the role asks for one, and signs in with it. */
async function come(who: Person): Promise<Visitor> {
  const one = stack.visitor();
  await one.signIn(who, PASSWORDS[who]);
  if (who === 'bob') return one;
  const secret = await one.registerTotp(Date.now);
  await one.enter(await one.signIn(who, PASSWORDS[who]), await unusedTotp(secret));
  return one;
}

beforeAll(async () => {
  stack = await signOnStack('sign-on-portal', { app: {}, edge: { login: { perMinute: 5000, burst: 1000 } } });
  await stack.visitor().accept(tokenOf(stack.invitation.link), PASSWORDS.admin);
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
  await stack.invite('carol', PASSWORDS.carol, '--groups', 'operator');
  for (const who of ['admin', 'bob', 'carol'] as const) people[who] = await come(who);
});
afterAll(() => stack?.space.destroy());

const wish = (title: string) => ({ json: { title, kind: 'movie' } });

test('a stranger is asked to sign in, a program is told so, and health answers', async () => {
  const stranger = stack.visitor();
  expect((await stranger.ask('/')).status).toBe(302);
  const answer = await stranger.ask('/api/requests', { headers: { accept: 'application/json' } });
  expect([answer.status, answer.headers['content-type']]).toEqual([401, expect.stringContaining('application/json')]);
  expect((await stranger.ask('/api/requests', wish('Alien'))).status).toBe(401);
  expect((await stranger.ask('/api/health')).status).toBe(200);
});

test('the portal’s own policies reach the browser, also where the edge has just asked about the session', async () => {
  for (let asked = 0; asked < 2; asked += 1) {
    const { status, headers } = await people.bob.ask('/');
    expect([status, headers['x-frame-options'], headers['content-security-policy']]).toEqual([
      200,
      'DENY',
      expect.stringContaining("default-src 'self'; base-uri 'none'"),
    ]);
  }
});

test('the portal knows each of them by what sign-on says', async () => {
  for (const [who, role, mfa] of [
    ['admin', 'admin', true],
    ['bob', 'member', false],
    ['carol', 'operator', true],
  ] as const) {
    const me = await people[who].ask('/api/me', { headers: { accept: 'application/json' } });
    expect([who, me.json()]).toMatchObject([who, { signOn: true, role, mfa }]);
    expect((await people[who].ask('/')).text).toContain('<html');
  }
});

test('a member asks, an operator approves, and the member may not', async () => {
  const asked = await people.bob.ask('/api/requests', wish('Stalker'));
  expect(asked.status).toBe(201);
  const { id } = asked.json<{ id: number }>();
  await people.carol.ask('/api/requests', wish('Solaris'));
  const titles = async (who: Person) =>
    (await people[who].ask('/api/requests', { headers: { accept: 'application/json' } }))
      .json<{ items: { title: string }[] }>()
      .items.map(({ title }) => title)
      .sort();
  expect([await titles('bob'), await titles('carol')]).toEqual([['Stalker'], ['Solaris', 'Stalker']]);
  const approve = { method: 'PATCH', json: { status: 'approved' } };
  expect((await people.bob.ask(`/api/requests/${id}`, approve)).status).toBe(403);
  const approved = await people.carol.ask(`/api/requests/${id}`, approve);
  expect([approved.status, approved.json()]).toMatchObject([200, { status: 'approved' }]);
});

test('only an administrator sees who has been here', async () => {
  const asked = { headers: { accept: 'application/json' } };
  expect([(await people.bob.ask('/api/people', asked)).status, (await people.carol.ask('/api/people', asked)).status]).toEqual([403, 403]);
  const seen = (await people.admin.ask('/api/people', asked)).json<{ items: { name: string }[] }>().items;
  expect(seen).toHaveLength(3);
});

test('another site cannot act for one who is signed in', async () => {
  const forged = await people.carol.ask('/api/requests', { ...wish('Forged'), headers: { 'sec-fetch-site': 'cross-site' } });
  expect(forged.status).toBe(403);
});

test('who signs out is a stranger', async () => {
  await people.bob.ask('/auth/?logout=1');
  await until('the session has ended', async () => (await people.bob.ask('/')).status === 302, 15);
});

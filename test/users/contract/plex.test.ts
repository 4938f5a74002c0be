import { afterAll, beforeAll, expect, it } from 'vitest';
import type { User } from '../../../src/users/plan/requests.ts';
import { docker } from '../../support/cli.ts';
import { leadTo } from '../../support/sign-on/outside-name.ts';
import { type PlexAccount, type PlexLie, type PlexTv, plexTv } from '../../support/sign-on/plex-tv.ts';
import { base64, PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import type { Visitor } from '../../support/sign-on/visitor.ts';
import { until } from '../../support/stack.ts';

const SERVER = '0123456789abcdef0123456789abcdef01234567';
let plex: PlexTv;
let stack: SignOnStack;
let forget: () => Promise<unknown>;
beforeAll(async () => {
  const { stdout } = await docker(['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}']);
  plex = await plexTv(stdout.trim());
  stack = await signOnStack('so-plex', {
    signOn: {
      graceMinutes: 1,
      title: 'Unser Kino',
      plex: { server: SERVER, roles: ['member', 'friends'], allow: ['@example.org', '4714'], ca: plex.ca },
    } as never,
  });
  forget = await leadTo(stack.space.project, 'plex.tv', { ...plex, as: 443 });
});
afterAll(async () => {
  await forget?.();
  await stack?.space.destroy();
  await plex?.stop();
});

const FRIEND: PlexAccount = {
  id: 4711,
  username: 'freddy',
  title: 'Freddy',
  email: 'freddy@example.org',
  confirmed: true,
  servers: [SERVER],
};
const STRANGER: PlexAccount = { ...FRIEND, id: 4712, username: 'admin', servers: ['another-server'] };
const user = async (name: string) =>
  (JSON.parse((await docker(['exec', stack.container, 'users', 'list'])).stdout) as { users: User[] }).users.find(
    ({ login }) => login === name,
  );
const logs = async () => {
  const { stdout, stderr } = await docker(['logs', stack.container]);
  return stdout + stderr;
};
const press = (one: Visitor, url = '') => one.ask('/auth/', { form: { provider: 'plex', url } });
const begin = async (one: Visitor, url = '') => String((await press(one, url)).headers.location ?? '');
const back = (one: Visitor, address: string) => one.ask(new URL(address).pathname + new URL(address).search);

/** After a failure Plex is left alone for a while. */
const askAgain = () => docker(['exec', stack.container, 'rm', '-f', '/run/sign-on/provider-plex-away']);

/** Signs in at Plex with an account, or leaves its page again. */
async function come(account: PlexAccount | undefined, { lie, url = '' }: { lie?: PlexLie; url?: string } = {}) {
  const one = stack.visitor();
  const where = plex.confirm(await begin(one, url), account);
  plex.lie = lie;
  const page = await back(one, where);
  plex.lie = undefined;
  return { one, page, status: (await one.ask('/')).status };
}

it('a person who may see the server comes in, and the token is ended at once', async () => {
  expect((await stack.visitor().ask('/auth/')).text).toContain('Sign in with Plex');
  const { one, page, status } = await come(FRIEND, { url: base64(`${stack.url}/films`) });
  expect([page.headers.location, status]).toEqual([`${stack.url}/films`, 200]);
  expect(await stack.told(one, '/')).toMatchObject({ 'remote-user': 'plex.freddy', 'remote-groups': 'friends,member' });
  expect(await user('plex.freddy')).toMatchObject({ source: 'provider', providers: ['plex'], email: 'freddy@example.org' });
  expect([plex.given.length, plex.tokens.size, plex.wrong]).toEqual([1, 0, []]);
  expect((await one.ask('/admin')).status).toBe(403);
});

it('a person who may not does not, whatever the name, until a user links the account', async () => {
  const { one, page, status } = await come(STRANGER);
  expect([page.text, status, plex.tokens.size]).toEqual([expect.stringContaining('not known here'), 302, 0]);
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
  await one.signIn('bob', PASSWORDS.bob, base64(`${stack.url}/auth/link`));
  const token = /name="token" value="(\w{64})"/.exec((await one.ask('/auth/link')).text)?.[1] ?? '';
  expect((await one.ask('/auth/link', { form: { token } })).text).toContain('is linked');
  expect(await stack.told((await come(STRANGER)).one, '/')).toMatchObject({ 'remote-user': 'bob' });
});

it('`allow` names people by a confirmed address, or the id', async () => {
  const other = { ...FRIEND, id: 4713, username: 'gina' };
  for (const account of [
    { ...other, email: 'gina@elsewhere.example' },
    { ...other, confirmed: false },
    { ...other, email: 'x@sub.example.org' },
  ])
    expect([(await come(account)).page.text, await user('plex.gina')]).toEqual([expect.stringContaining('may not come in'), undefined]);
  expect((await come({ ...other, id: 4714, email: '' })).status).toBe(200);
});

it('a person who may no longer see it has no role', async () => {
  const { one } = await come(FRIEND);
  expect((await come({ ...FRIEND, servers: [] })).status).toBe(302);
  await until('the session has ended', async () => (await one.ask('/')).status === 302, 10);
  expect(await user('plex.freddy')).toMatchObject({ groups: [] });
});

it.each<PlexLie>(['no-json', 'no-id', 'other-code', 'error', 'redirect', 'refused'])(
  'an answer that is none signs no one in: %s',
  async (lie) => {
    await askAgain();
    const { page, status, one } = await come(FRIEND, { lie });
    expect([status, [...one.cookies.keys()]]).toEqual([302, expect.not.arrayContaining(['__Host-medianest'])]);
    expect(page.text).toMatch(/did not work|does not answer/);
  },
);

it('a PIN that was not confirmed, or an answer in another browser, signs no one in', async () => {
  await askAgain();
  expect((await come(undefined)).page.text).toContain('did not work');
  const where = plex.confirm(await begin(stack.visitor()), FRIEND);
  const other = stack.visitor();
  await begin(other);
  expect((await back(other, where)).text).toContain('did not work');
});

it('no token is in the log; while Plex is away, its button says so and passwords work', async () => {
  const said = await logs();
  expect(plex.given.length).toBeGreaterThan(5);
  for (const token of plex.given) expect(said).not.toContain(token);
  expect(said).toMatch(/"code":"PROVIDER_SIGN_IN".*"provider":"plex".*"user":"plex.freddy"/);
  await plex.stop();
  expect((await press(stack.visitor())).text).toContain('Plex does not answer');
  expect((await (await stack.signedIn('bob')).ask('/')).status).toBe(200);
  await plex.start();
});

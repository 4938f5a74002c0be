import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../../src/users/plan/requests.ts';
import { docker } from '../../support/cli.ts';
import { leadTo } from '../../support/sign-on/outside-name.ts';
import { type Account, type Lie, type OutsideProvider, outsideProvider } from '../../support/sign-on/provider.ts';
import { base64, PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import { type Answer, unusedTotp, type Visitor } from '../../support/sign-on/visitor.ts';
import { type JsonError, parsed, until } from '../../support/stack.ts';

let login: OutsideProvider;
let stack: SignOnStack;
let forget: () => Promise<unknown>;
beforeAll(async () => {
  const { stdout } = await docker(['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}']);
  login = await outsideProvider(stdout.trim());
  stack = await signOnStack('so-prov', {
    signOn: {
      graceMinutes: 1,
      clients: { films: { redirect: ['https://films.example.org/cb'] } },
      providers: {
        company: {
          ...{ issuer: login.issuer, clientId: login.client.id, clientSecret: login.client.secret, ca: login.ca, label: 'The "Company"' },
          ...{ groups: { films: ['member', 'family'], bosses: ['admin'] }, mfa: 'trusted' },
        },
      },
    } as never,
  });
  login.register(`${stack.url}/auth/?openidconnectcallback=1`);
  forget = await leadTo(stack.space.project, 'login.example.org', login);
});
afterAll(async () => {
  await forget?.();
  await stack?.space.destroy();
  await login?.stop();
});

const query = async (sql: string) =>
  (await docker(['exec', `${stack.space.project}-postgres-1`, 'psql', '-U', 'postgres', '-d', 'medianest', '-tAc', sql])).stdout.trim();
const logs = async () => {
  const { stdout, stderr } = await docker(['logs', stack.container]);
  return stdout + stderr;
};
const user = async (name: string) =>
  (JSON.parse((await docker(['exec', stack.container, 'users', 'list'])).stdout) as { users: User[] }).users.find(
    ({ login }) => login === name,
  );

/** Presses the button, and where that leads. */
const begin = (one: Visitor, url = '') => one.ask('/auth/', { form: { provider: 'company', url } });
const sentTo = async (one: Visitor, url = '') => String((await begin(one, url)).headers.location ?? '');

const back = (one: Visitor, address: string) => one.ask(new URL(address).pathname + new URL(address).search);

/** Signs in at the provider with an account. */
async function come(account: Account, { lie, one = stack.visitor(), url = '' }: { lie?: Lie; one?: Visitor; url?: string } = {}) {
  Object.assign(login, { account, lie });
  const to = await sentTo(one, url);
  const page = await back(one, await login.visit(to));
  login.lie = undefined;
  return { one, page, status: (await one.ask('/')).status };
}

/** After a failure it is left alone for a while. */
const askAgain = () => docker(['exec', stack.container, 'rm', '-f', '/run/sign-on/provider-company-away']);

const EVE = {
  sub: 'e-1',
  preferred_username: 'eve',
  name: 'Eve Ärmel 影',
  email: 'eve@example.org',
  email_verified: true,
  groups: ['films'],
};

describe('a person who comes by a provider', () => {
  it('has the roles of the groups there, under a name of its own', async () => {
    const sheet = await stack.visitor().ask('/auth/');
    expect(sheet.text).toContain('Sign in with The &quot;Company&quot;');
    const { one, page, status } = await come(EVE, { url: base64(`${stack.url}/films?x=1`) });
    expect([page.status, page.headers.location, status]).toEqual([302, `${stack.url}/films?x=1`, 200]);
    expect(await stack.told(one, '/')).toMatchObject({
      'remote-user': 'company.eve',
      'remote-groups': 'family,member',
      'remote-email': 'eve@example.org',
    });
    const { users } = parsed<{ users: User[] }>(await stack.space.run(['users', 'list', '--json']));
    expect(users.find((each) => each.login === 'company.eve')).toMatchObject({
      name: 'Eve Ärmel 影',
      source: 'provider',
      providers: ['company'],
      password: true,
      groups: ['family', 'member'],
    });
    const [sent] = login.asked;
    expect(sent?.get('code_verifier')).toMatch(/^[\w-]{43}$/);
    // Another person by the same name, and one who is called like the first admin.
    for (const [sub, name] of [
      ['e-2', 'eve'],
      ['e-3', 'admin'],
      ['e-4', 'x:y'],
    ] as const) {
      const other = await come({ ...EVE, sub, preferred_username: name });
      const { 'remote-user': is } = await stack.told(other.one, '/');
      expect([name, is]).toEqual([name, expect.stringMatching(name === 'admin' ? /^company\.admin$/ : /^company\.[0-9a-f]{16}$/)]);
    }
    const both = await Promise.all([come({ ...EVE, sub: 'e-5' }), come({ ...EVE, sub: 'e-5' })]);
    expect(both.map(({ status }) => status)).toEqual([200, 200]);
    expect((await come(EVE)).status).toBe(200);
    const stored = await query(`SELECT string_agg(a_session::text, ' ') FROM sign_on.sessions`);
    expect(stored).not.toMatch(/access_token|id_token|eyJ/);
  });

  it('is sent on to the application that has asked for a sign-in', async () => {
    const one = stack.visitor();
    const challenge = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256', state: 'its-own' };
    const request = new URLSearchParams({
      response_type: 'code',
      client_id: 'films',
      scope: 'openid',
      redirect_uri: 'https://films.example.org/cb',
      ...challenge,
    });
    const sheet = await one.ask(`/auth/oauth2/authorize?${request}`);
    const url = /name="url" value="([^"]*)"/.exec(sheet.text)?.[1] ?? '';
    Object.assign(login, { account: EVE });
    let page = await back(one, await login.visit(await sentTo(one, url)));
    for (let left = 3; left > 0 && String(page.headers.location).startsWith(stack.url); left--)
      page = await back(one, String(page.headers.location));
    expect(page.headers.location).toMatch(/^https:\/\/films\.example\.org\/cb\?(?=.*\bcode=)(?=.*\bstate=its-own)/);
  });

  it('does not come in without a group, and loses the role with it', async () => {
    const { one } = await come({ ...EVE, sub: 'g-1', preferred_username: 'gus' });
    expect((await come({ ...EVE, sub: 'g-1', preferred_username: 'gus', groups: [] })).status).toBe(302);
    await until('the session has ended', async () => (await one.ask('/')).status === 302, 10);
    expect(await user('company.gus')).toMatchObject({ groups: [] });
    expect((await come({ sub: 'g-2' })).page.text).toContain('not known here');
  });

  it('does not come again after `users remove`, and has no password here', async () => {
    const { one } = await come({ ...EVE, sub: 'r-1', preferred_username: 'rob' });
    const refused = await stack.space.run(['users', 'groups', 'company.rob', '--add', 'admin', '--json']);
    expect([refused.status, parsed<JsonError>(refused).error]).toMatchObject([1, { message: expect.stringContaining('of a provider') }]);
    await stack.visitor().signIn('company.rob', '!provider');
    expect(await stack.space.run(['users', 'remove', 'company.rob', '--json'])).toMatchObject({ status: 0 });
    await until('the session has ended', async () => (await one.ask('/')).status === 302, 10);
    expect((await come({ ...EVE, sub: 'r-1', preferred_username: 'rob' })).status).toBe(302);
    expect(await user('company.rob')).toBeUndefined();
  });

  it('with a role that demands it needs a second factor, unless the provider has seen one', async () => {
    const boss = { ...EVE, sub: 'b-1', preferred_username: 'boss', groups: ['bosses'] };
    const first = await come(boss);
    expect([first.status, first.page.headers.location]).toEqual([302, expect.stringContaining('2fregisters')]);
    const secret = await first.one.registerTotp(Date.now);
    const again = await come(boss);
    expect(again.status).toBe(302);
    await again.one.enter(again.page, await unusedTotp(secret));
    expect(await stack.told(again.one, '/admin')).toMatchObject({ 'remote-user': 'company.boss' });
    const trusted = await come({ ...boss, amr: ['pwd', 'mfa'] });
    expect([trusted.status, (await trusted.one.ask('/strict')).status]).toEqual([200, 200]);
    // Not by what the endpoint of claims says, which is not signed.
    const claimed = await come(boss, { lie: { userinfo: (claims) => ({ ...claims, amr: ['mfa'] }) } });
    expect(claimed.status).toBe(302);
  });
});

const tokenOf = (page: Answer) => /name="token" value="(\w{64})"/.exec(page.text)?.[1] ?? '';

/** Signs in at the provider and here, in one browser. @returns what the form of the link would send */
async function aboutToLink(account: Account, name: string, password: string) {
  const { one } = await come(account);
  await one.signIn(name, password, base64(`${stack.url}/auth/link`));
  return { one, form: { token: tokenOf(await one.ask('/auth/link')) } };
}

describe('a local user', () => {
  it('links an account once, after a sign-in by password, and comes by either', async () => {
    await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
    const account = { sub: 'bob-there', email: 'bob@elsewhere.example', email_verified: true };
    const before = (await stack.signedIn('bob')).cookies.get('__Host-medianest') as string;
    await setTimeout(1100);
    const { one, page } = await come(account);
    // A session of before, as of a stolen cookie, links nothing.
    one.cookies.set('__Host-medianest', before);
    expect((await one.ask('/auth/link')).text).toContain('nothing to link');
    one.cookies.delete('__Host-medianest');
    const where = /\/auth\/\?url=([\w%]+)/.exec(page.text)?.[1] ?? '';
    expect([page.text, where]).toEqual([expect.stringContaining('not known here'), expect.stringMatching(/./)]);
    const signed = await one.signIn('bob', PASSWORDS.bob, decodeURIComponent(where));
    expect(signed.headers.location).toBe(`${stack.url}/auth/link`);
    const ask = await one.ask('/auth/link');
    expect(ask.text).toContain('bob@elsewhere.example');
    // Another page does not know the token.
    expect((await one.ask('/auth/link', { form: { token: 'a'.repeat(64) } })).text).toContain('nothing to link');
    const token = tokenOf(ask);
    expect((await one.ask('/auth/link', { form: { token } })).text).toContain('is linked');
    expect((await one.ask('/auth/link', { form: { token } })).text).toContain('nothing to link');
    const came = await come(account);
    expect(await stack.told(came.one, '/')).toMatchObject({ 'remote-user': 'bob', 'remote-groups': 'member' });
    expect(await user('bob')).toMatchObject({ providers: ['company'] });
    await stack.space.run(['users', 'reset', 'bob', '--json']);
    await until('the session has ended', async () => (await came.one.ask('/')).status === 302, 10);
    expect((await come(account)).status).toBe(302);
  });

  it('is not linked by a session of before a new password, which ends all links', async () => {
    const [password, fresh] = ['a fourth password of hers', 'a fifth password of hers'];
    await stack.invite('dana', password, '--groups', 'member');
    const late = await aboutToLink({ sub: 'dana-late' }, 'dana', password);
    await query(`UPDATE sign_on.users SET version = version + 1 WHERE login = 'dana'`);
    expect((await late.one.ask('/auth/link', { form: late.form })).text).toContain('was not linked');
    const { one, form } = await aboutToLink({ sub: 'dana-there' }, 'dana', password);
    expect((await one.ask('/auth/link', { form })).text).toContain('is linked');
    expect((await come({ sub: 'dana-there' })).status).toBe(200);
    // As the page for a forgotten password does.
    const token = 'd'.repeat(43);
    await query(
      `INSERT INTO sign_on.invitations VALUES ('${createHash('sha256').update(token).digest('hex')}', 'dana', now() + interval '1 hour', true)`,
    );
    const page = await stack.visitor().accept(token, fresh);
    expect(page.text).toMatch(/Your password is set[\s\S]*no longer linked: The &quot;Company&quot;/);
    expect(await query('SELECT asked FROM sign_on.mails')).toBe('dana The "Company"');
    expect(await logs()).toMatch(/"code":"PASSWORD_RESET".*"unlinked":"company"/);
    await until('the session has ended', async () => (await one.ask('/')).status === 302, 10);
    const after = await come({ sub: 'dana-there' });
    expect([after.status, after.page.text]).toEqual([302, expect.stringContaining('not known here')]);
    expect((await user('dana'))?.providers).toBeUndefined();
  });

  it('comes by a provider while wrong passwords hold up the other way; wrong codes hold up both', async () => {
    const password = 'a sixth password of his';
    await stack.invite('finn', password, '--groups', 'member');
    const { one, form } = await aboutToLink({ sub: 'finn-there' }, 'finn', password);
    await one.ask('/auth/link', { form });
    const stranger = stack.visitor();
    for (let wrong = 0; wrong < 4; wrong++) await stranger.signIn('finn', 'not the password of his');
    const owner = stack.visitor();
    await owner.signIn('finn', password);
    expect((await owner.ask('/')).status).toBe(302);
    const came = await come({ sub: 'finn-there' });
    expect([came.status, (await came.one.ask('/auth/')).status]).toEqual([200, 200]);
    // What held up before still does.
    await owner.signIn('finn', password);
    expect((await owner.ask('/')).status).toBe(302);
    await came.one.registerTotp(Date.now);
    for (let wrong = 0; wrong < 3; wrong++) {
      const { one, page } = await come({ sub: 'finn-there' });
      expect(page.text).toContain('totp2fcheck');
      await one.enter(page, '000000');
    }
    expect((await come({ sub: 'finn-there' })).page.text).not.toContain('totp2fcheck');
  });

  it('an invitation is accepted by its verified address, unless a second factor is due', async () => {
    const invite = (name: string, groups: string) =>
      stack.space.run(['users', 'invite', name, '--email', `${name}@example.org`, '--groups', groups, '--json']);
    await invite('carl', 'member');
    await invite('olga', 'operator');
    const carl = { sub: 'c-1', email: 'Carl@example.org', preferred_username: 'admin' };
    for (const email_verified of [false, undefined, 'yes' as never])
      expect((await come({ ...carl, ...(email_verified !== undefined && { email_verified }) })).status).toBe(302);
    expect((await come({ sub: 'o-1', email: 'olga@example.org', email_verified: true })).page.text).toContain('not known here');
    // In lower case, U+212A is the letter k.
    await invite('kim', 'member');
    expect((await come({ sub: 'k-1', email: '\u212aim@example.org', email_verified: true })).page.text).toContain('not known here');
    const { one } = await come({ ...carl, email_verified: true });
    expect(await stack.told(one, '/')).toMatchObject({ 'remote-user': 'carl' });
    // The address has done its work: another account with it is another person.
    expect((await come({ ...carl, sub: 'c-2', email_verified: true })).status).toBe(302);
    expect((await come({ ...carl, email_verified: false })).status).toBe(200);
    // After a reset the link is the only way: the mailbox may be another's.
    await stack.space.run(['users', 'reset', 'carl', '--json']);
    for (const sub of ['c-1', 'c-3']) expect((await come({ ...carl, sub, email_verified: true })).status).toBe(302);
  });
});

describe('a provider that lies', () => {
  const HOUR = 3600;
  const now = () => Math.floor(Date.now() / 1000);
  it.each<[string, Lie]>([
    ['another audience', { claims: (claims) => ({ ...claims, aud: 'another' }) }],
    ['two audiences', { claims: (claims) => ({ ...claims, aud: ['medianest', 'another'] }) }],
    ['another issuer', { claims: (claims) => ({ ...claims, iss: 'https://evil.example' }) }],
    ['an end that is over', { claims: (claims) => ({ ...claims, exp: now() - 1 }) }],
    ['no end', { claims: ({ exp: _exp, ...claims }) => claims }],
    ['a time to come', { claims: (claims) => ({ ...claims, iat: now() + HOUR }) }],
    ['another attempt', { claims: (claims) => ({ ...claims, nonce: 'another' }) }],
    ['no attempt', { claims: ({ nonce: _nonce, ...claims }) => claims }],
    ['another access token', { claims: (claims) => ({ ...claims, at_hash: 'another' }) }],
    ['no person', { claims: ({ sub: _sub, ...claims }) => claims }],
    ['another person than its claims', { userinfo: (claims) => ({ ...claims, sub: 'b-1' }) }],
    ['no signature', { signed: 'none' }],
    ['another key', { signed: 'other' }],
    ['the client’s secret as a key', { signed: 'secret' }],
  ])('with %s signs no one in', async (_what, lie) => {
    const { page, status, one } = await come(EVE, { lie });
    expect([page.text, status, [...one.cookies.keys()]]).toEqual([
      expect.stringContaining('did not work'),
      302,
      expect.not.arrayContaining(['__Host-medianest']),
    ]);
  });

  it('may sign by an elliptic curve; nothing that was refused is in the log', async () => {
    expect((await come(EVE, { lie: { signed: 'ES256' } })).status).toBe(200);
    const said = await logs();
    expect(said).not.toMatch(/eyJ[\w-]{20}/);
    expect(said).toMatch(/"code":"PROVIDER_REFUSED".*"provider":"company".*"reason":"proof"/);
    expect(said).toMatch(/"code":"PROVIDER_SIGN_IN".*"provider":"company".*"user":"bob"/);
    expect(said).toMatch(/"code":"PROVIDER_LINKED".*"provider":"company"/);
  });
});

describe('an answer', () => {
  it('counts in the browser that has asked, once, and leads to no other host', async () => {
    Object.assign(login, { account: EVE });
    const one = stack.visitor();
    const answer = await login.visit(await sentTo(one));
    const thief = stack.visitor();
    expect((await back(thief, answer)).text).toContain('did not work');
    expect((await thief.ask('/')).status).toBe(302);
    const elsewhere = await begin(stack.visitor(), base64('https://evil.example/'));
    expect([elsewhere.headers.location, elsewhere.text]).toEqual([undefined, expect.not.stringMatching(/(?:href|action)="[^"]*evil/)]);
    // What a browser brings along makes no line of the log.
    const forger = stack.visitor();
    const state = new URL(await sentTo(forger)).searchParams.get('state') ?? '';
    const line = new URLSearchParams({
      openidconnectcallback: '1',
      state,
      iss: login.issuer,
      error: 'x\n{"code":"PROVIDER_SIGN_IN","user":"forged"}',
    });
    expect((await forger.ask(`/auth/?${line}`)).text).toContain('did not work');
    expect(await logs()).not.toMatch(/^\{"code":"PROVIDER_SIGN_IN","user":"forged"/m);
    const again = stack.visitor();
    const good = await login.visit(await sentTo(again));
    expect((await back(again, `${good.replace(/([?&]iss=)[^&]*/, '$1https%3A%2F%2Fevil.example')}`)).text).toContain('did not work');
    expect((await back(again, good)).text).toContain('did not work');
  });
});

it('the way out leads to the provider’s name alone', async () => {
  const connects = async (name: string) => {
    const script = 'exit(IO::Socket::SSL->new(PeerAddr=>$ARGV[0],SSL_hostname=>$ARGV[1],SSL_verify_mode=>0,Timeout=>4)?0:1)';
    const where = new URL(login.issuer).host;
    return (await docker(['exec', stack.container, 'perl', '-MIO::Socket::SSL', '-e', script, where, name])).status === 0;
  };
  expect([await connects('login.example.org'), await connects('other.example.org'), await connects('')]).toEqual([true, false, false]);
});

it('while the provider is away, local users sign in, and its button says so', async () => {
  await stack.invite('carol', PASSWORDS.carol, '--groups', 'member');
  expect((await user('admin'))?.providers).toBeUndefined();
  const check = async () => {
    await docker(['exec', stack.container, 'provider-check', 'once']);
    return JSON.parse((await docker(['exec', stack.container, 'users', 'list'])).stdout).providers.company.problem;
  };
  expect(await check()).toBeNull();
  for (const [description, problem] of [
    [{ issuer: 'https://evil.example' }, 'it calls itself by another address'],
    [{ token_endpoint: 'https://evil.example/t' }, 'its token_endpoint is at evil.example: add that to signOn.providers.company.hosts'],
    [{ jwks_uri: 'http://login.example.org/k' }, 'its jwks_uri is no address'],
  ] as const) {
    login.lie = { description: (said) => ({ ...said, ...description }) };
    expect(await check()).toBe(problem);
  }
  const slow = Date.now();
  expect([(await come(EVE, { lie: { silent: true } })).page.text, Date.now() - slow < 12_000]).toEqual([
    expect.stringContaining('does not answer'),
    true,
  ]);
  await askAgain();
  expect(await check()).toBeNull();
  const one = stack.visitor();
  // Its description is remembered for a while: the answer cannot be fetched.
  const to = new URL(await sentTo(one));
  await login.stop();
  const query = new URLSearchParams({
    openidconnectcallback: '1',
    code: 'x',
    state: to.searchParams.get('state') ?? '',
    iss: login.issuer,
  });
  const begun = Date.now();
  expect([(await one.ask(`/auth/?${query}`)).text, Date.now() - begun < 15_000]).toEqual([
    expect.stringContaining('does not answer'),
    true,
  ]);
  // For some seconds it is not even asked.
  expect((await begin(stack.visitor())).text).toContain('does not answer');
  expect((await (await stack.signedIn('carol')).ask('/')).status).toBe(200);
  expect(await check()).toBe('it cannot be reached');
  await login.start();
  expect(await check()).toBeNull();
  await askAgain();
  expect((await come(EVE)).status).toBe(200);
});

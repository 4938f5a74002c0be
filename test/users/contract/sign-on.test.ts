import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { User } from '../../../src/users/plan/requests.ts';
import { docker } from '../../support/cli.ts';
import { base64, PASSWORDS, type SignOnStack, signOnStack, tokenOf } from '../../support/sign-on/sign-on-stack.ts';
import { totp, unusedTotp, type Visitor } from '../../support/sign-on/visitor.ts';
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';

const LIES = {
  'remote-user': 'admin',
  'remote-groups': 'admin',
  'remote-name': 'x',
  'remote-email': 'x',
  'x-medianest-assertion': 'x.y.z',
  'x-original-url': '/admin',
  'x-rewrite-url': '/admin',
};

let stack: SignOnStack;
beforeAll(async () => {
  stack = await signOnStack('sign-on');
});
afterAll(() => stack?.space.destroy());
const query = (sql: string) =>
  docker(['exec', `${stack.space.project}-postgres-1`, 'psql', '-U', 'postgres', '-d', 'medianest', '-tAc', sql]);

/** What was tried, and failed sign-ins. */
const FORGET = `DELETE FROM sign_on.used_codes WHERE code LIKE 'try %'; UPDATE sign_on.psessions SET a_session = a_session - '_loginHistory'`;

describe('from a bare stack to a second person', () => {
  it('prints one invitation for the first admin, once, and sends strangers to the sign-in', async () => {
    expect(stack.invitation).toMatchObject({ login: 'admin', link: expect.stringContaining('/auth/invitation?token=') });
    const again = await stack.space.run(['up', '--json']);
    expect([again.status, parsed<object>(again)]).toEqual([0, expect.not.objectContaining({ invitation: expect.anything() })]);
    const page = await stack.visitor().ask('/films?page=2');
    const here = `${stack.url}`;
    expect([page.status, page.headers.location]).toEqual([302, `${here}/auth/?url=${encodeURIComponent(base64(`${here}/films?page=2`))}`]);
    const api = await stack.visitor().ask('/films', { headers: { accept: 'application/json' } });
    expect([api.status, api.json()]).toMatchObject([401, { error: { code: 'sign-in', signIn: expect.stringContaining('/auth/?url=') } }]);
    expect((await stack.visitor().ask('/api/health')).status).toBe(200);
    expect((await stack.visitor().ask('/auth/static/common/js/portal.min.js')).status).toBe(200);
    expect((await stack.visitor().ask('/auth/static/javascript/jquery/jquery.min.js')).status).toBe(200);
  });

  it('lets the admin in with a second factor only, and the link is good once', async () => {
    const admin = stack.visitor();
    const token = tokenOf(stack.invitation.link);
    expect((await admin.ask(`/auth/invitation?token=${token}`)).text).toContain('Choose a password for admin');
    expect((await admin.accept(token, 'too short')).text).toContain('at least 12 characters');
    expect((await admin.accept(token, PASSWORDS.admin)).text).toContain('Your password is set');
    expect((await admin.accept(token, 'a thief’s password')).text).toContain('no longer valid');
    expect((await admin.signIn('admin', PASSWORDS.admin)).headers.location).toContain('/auth/2fregisters');
    expect((await admin.ask('/admin')).status).toBe(302);
    stack.secrets.admin = await admin.registerTotp(Date.now);
    const back = stack.visitor();
    const page = await back.signIn('admin', PASSWORDS.admin, base64(`${stack.url}/admin/users`));
    // A clock that is five minutes off.
    expect((await back.enter(page, totp(stack.secrets.admin, Date.now() - 300_000))).status).toBe(200);
    expect((await back.ask('/admin')).status).toBe(302);
    const again = await back.signIn('admin', PASSWORDS.admin, base64(`${stack.url}/admin/users`));
    const entered = await back.enter(again, await unusedTotp(stack.secrets.admin));
    expect([entered.status, entered.headers.location]).toEqual([302, `${stack.url}/admin/users`]);
    expect(await stack.told(back, '/admin/users')).toMatchObject({ 'remote-user': 'admin', 'remote-groups': 'admin' });
  });

  it('invites a second person by one command, with a name in any script', async () => {
    const invited = await stack.space.run([
      'users',
      'invite',
      'bob',
      '--groups',
      'member,family',
      '--name',
      'Böb 影',
      '--email',
      'b@example.org',
      '--json',
    ]);
    expect(invited.status).toBe(0);
    const { link } = parsed<{ link: string }>(invited);
    // Both at once: one of them sets it.
    const both = await Promise.all([1, 2].map(() => stack.visitor().accept(tokenOf(link), PASSWORDS.bob)));
    expect(both.filter(({ text }) => text.includes('Your password is set'))).toHaveLength(1);
    const { users } = parsed<{ users: User[] }>(await stack.space.run(['users', 'list', '--json']));
    expect(users).toMatchObject([
      { login: 'admin', groups: ['admin'], password: true, factors: ['totp'], sessions: 1 },
      { login: 'bob', groups: ['family', 'member'], name: 'Böb 影', password: true, factors: [] },
    ]);
    expect(audit(stack.space).at(-1)).toMatchObject({ command: 'medianest users invite bob', result: 'done' });
  });
});

describe('a second factor', () => {
  it('is a code that is good once, or a recovery code that is', async () => {
    const secret = stack.secrets.admin as string;
    const code = await unusedTotp(secret);
    const [first, second] = [stack.visitor(), stack.visitor()];
    const pages = [await first.signIn('admin', PASSWORDS.admin), await second.signIn('admin', PASSWORDS.admin)] as const;
    // Both at once: one of them is in.
    const both = await Promise.all([first.enter(pages[0], code), second.enter(pages[1], code)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 302]);
    const one = both[0].status === 302 ? first : second;

    expect((await one.ask('/auth/2fregisters')).text).toContain('href="/auth/recovery"');
    const made = async () =>
      [...(await one.ask('/auth/recovery', { form: { make: '1' } })).text.matchAll(/<code>([^<]+)/g)].map(([, each]) => each as string);
    const [old] = await made();
    const codes = await made();
    expect([new Set(codes).size, codes.includes(old as string)]).toEqual([8, false]);
    // All three have given the password before the first code: after three failures the account waits.
    const tries = [];
    for (const recovery of [codes[0], codes[0], old]) {
      const other = stack.visitor();
      const page = await other.signIn('admin', PASSWORDS.admin);
      expect(page.text).toContain('Use a recovery code');
      tries.push({ other, page, recovery: recovery as string });
    }
    const seen = [];
    for (const { other, page, recovery } of tries) {
      await other.enter(page, recovery);
      seen.push((await other.ask('/admin')).status);
    }
    expect(seen).toEqual([200, 302, 302]);
    expect((await one.ask('/auth/recovery')).text).toContain('You have 7 codes');
    const { stdout, stderr } = await docker(['logs', stack.container]);
    for (const event of ['CODE_USED_TWICE', 'RECOVERY_CODES_MADE', 'RECOVERY_CODE_USED', 'RECOVERY_CODE_REFUSED'])
      expect(stdout + stderr).toContain(`"code":"${event}"`);
    expect(stdout + stderr).not.toContain(codes[0]?.replaceAll('-', ''));
  });

  it('is tried five times in a minute, however many sign-ins wait for it', async () => {
    await query(FORGET);
    const waiting = [];
    for (let at = 0; at < 7; at++) {
      const one = stack.visitor();
      waiting.push({ one, page: await one.signIn('admin', PASSWORDS.admin) });
    }
    const last = waiting.pop() as (typeof waiting)[number];
    // What the form of the code brings along stands for the sign-in so far, and is no session.
    const thief = stack.visitor();
    thief.cookies.set('__Host-medianest', /name="token" value="(\w{64})"/.exec(last.page.text)?.[1] ?? '');
    expect([thief.cookies.get('__Host-medianest')?.length, (await thief.ask('/')).status]).toEqual([64, 302]);
    await Promise.all(waiting.map(({ one, page }) => one.enter(page, '000000')));
    await last.one.enter(last.page, await unusedTotp(stack.secrets.admin as string));
    expect((await last.one.ask('/admin')).status).toBe(302);
    const { stdout, stderr } = await docker(['logs', stack.container]);
    expect((stdout + stderr).split('"code":"TOO_MANY_TRIES"').length).toBeGreaterThan(2);
    await query(FORGET);
    expect((await (await stack.signedIn('admin')).ask('/admin')).status).toBe(200);
  });

  it('that is missing gives no recovery codes', async () => {
    const reset = stack.visitor();
    await stack.invite('dora', 'a good password of hers', '--groups', 'member');
    await reset.signIn('dora', 'a good password of hers');
    expect((await reset.ask('/auth/recovery', { form: { make: '1' } })).text).not.toContain('<code>');
    expect((await stack.space.run(['users', 'remove', 'dora'])).status).toBe(0);
  });
});

describe('a new password by the page of who is signed in', () => {
  it('ends all other sessions and links that were mailed, and needs the old one', async () => {
    const change = async (one: Visitor, oldpassword: string, newpassword: string) =>
      one.ask('/auth/', { form: { oldpassword, newpassword, confirmpassword: newpassword } });
    const [here, there, changed] = [await stack.signedIn('bob'), await stack.signedIn('bob'), 'a better password of his'];
    const link = 'b'.repeat(43);
    const hash = createHash('sha256').update(link).digest('hex');
    await query(`INSERT INTO sign_on.invitations VALUES ('${hash}', 'bob', now() + interval '1 hour', true)`);
    // A thief of the session does not find the old one out.
    for (let wrong = 0; wrong < 5; wrong++) await change(here, 'not the old password', changed);
    await change(here, PASSWORDS.bob, changed);
    expect((await there.ask('/')).status).toBe(200);
    await query(FORGET);
    await change(here, PASSWORDS.bob, changed);
    await until('the other session has ended', async () => (await there.ask('/')).status === 302, 10);
    expect((await here.ask('/')).status).toBe(200);
    expect((await stack.visitor().accept(link, 'a thief has the mailbox')).text).toContain('no longer valid');
    const { stdout, stderr } = await docker(['logs', stack.container]);
    expect(stdout + stderr).toContain('"code":"PASSWORD_CHANGED"');
    await change(here, changed, PASSWORDS.bob);
    expect((await (await stack.signedIn('bob')).ask('/')).status).toBe(200);
  });
});

describe('what the application is told', () => {
  it('is who is signed in, whatever the visitor says, and an assertion that its key proves', async () => {
    const bob = await stack.signedIn('bob');
    // The visitor's own cookies, before the session's and after it.
    const own = [...bob.cookies];
    bob.cookies.clear();
    for (const [name, value] of [['lang', 'fr'], ...own, ['theme', 'dark']] as const) bob.cookies.set(name, value);
    const headers = await stack.told(bob, '/', LIES);
    expect(headers).toMatchObject({
      'remote-user': 'bob',
      'remote-groups': 'family,member',
      'remote-email': 'b@example.org',
      cookie: 'lang=fr; theme=dark',
    });
    expect(Buffer.from(headers['remote-name'] as string, 'latin1').toString()).toBe('Böb 影');
    const [head = '', body = '', mac] = (headers['x-medianest-assertion'] as string).split('.');
    const key = readFileSync(path.join(stack.space.state, 'secrets/app-1/sign-on-assertion-key'), 'utf8').trim();
    expect(mac).toBe(createHmac('sha256', key).update(`${head}.${body}`).digest('base64url'));
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    expect(claims).toEqual({
      ...{ sub: 'bob', name: 'Böb 影', email: 'b@example.org', groups: ['family', 'member'], mfa: false, aud: 'localhost' },
      ...{ iat: expect.any(Number), exp: claims.iat + 60 },
    });
    expect(Math.abs(claims.iat - Date.now() / 1000)).toBeLessThan(10);
  });

  it('is nobody on open paths, and the application’s own 401 stays its own', async () => {
    const stranger = await stack.told(stack.visitor(), '/share/x', LIES);
    for (const name of Object.keys(LIES)) expect(stranger).not.toHaveProperty(name);
    expect((await (await stack.signedIn('bob')).ask('/own401')).json()).toMatchObject({ url: '/own401' });
  });

  it('includes uploads and WebSockets', async () => {
    const bob = await stack.signedIn('bob');
    const upload = await bob.ask('/api/uploads/x', { form: { data: 'x'.repeat(200_000) } });
    expect([upload.status, upload.json()]).toMatchObject([200, { bytes: 200_005, headers: { 'remote-user': 'bob' } }]);
    expect((await stack.visitor().ask('/api/uploads/x', { form: { data: 'x' }, headers: { accept: 'application/json' } })).status).toBe(
      401,
    );
    expect(await bob.upgrade('/socket')).toMatchObject({ status: 101, headers: { 'x-seen-user': 'bob' } });
    expect((await stack.visitor().upgrade('/socket')).status).toBe(302);
  });
});

describe('roles', () => {
  it.each(['/admin', '/ADMIN/x', '/%61dmin', '//admin', '/admin;x', '/strict', '/share/..%2fadmin', '/share/%2e%2e/admin', '/share//x'])(
    'do not let a member see %s',
    async (where) => {
      const answer = await (await stack.signedIn('bob')).ask(where);
      expect(answer.status).toBe(403);
      expect((await stack.visitor().ask(where)).status).not.toBe(200);
    },
  );

  it('say why, as a page and for programs', async () => {
    const bob = await stack.signedIn('bob');
    expect((await bob.ask('/admin')).text).toContain('This is not for your account');
    expect((await bob.ask('/admin', { headers: { accept: 'application/json' } })).json()).toMatchObject({
      error: { code: 'not-allowed-for-you' },
    });
  });

  it('change for sessions that there are, and the last admin stays one', async () => {
    const bob = await stack.signedIn('bob');
    expect((await bob.ask('/')).status).toBe(200);
    const given = await stack.space.run(['users', 'groups', 'bob', '--add', 'guest', '--remove', 'member', '--json']);
    expect(parsed<{ groups: string[]; ended: number }>(given)).toMatchObject({ groups: ['family', 'guest'], ended: expect.any(Number) });
    await until('the session has ended', async () => (await bob.ask('/')).status === 302, 10);
    expect((await (await stack.signedIn('bob')).ask('/')).status).toBe(403);
    // Two at once: neither loses what the other did.
    const both = await Promise.all([
      stack.space.run(['users', 'groups', 'bob', '--add', 'member', '--wait-lock=30']),
      stack.space.run(['users', 'groups', 'bob', '--remove', 'guest', '--wait-lock=30']),
    ]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    const { users } = parsed<{ users: User[] }>(await stack.space.run(['users', 'list', '--json']));
    expect(users.find(({ login }) => login === 'bob')?.groups).toEqual(['family', 'member']);
    for (const args of [
      ['users', 'groups', 'admin', '--remove', 'admin'],
      ['users', 'remove', 'admin'],
      ['users', 'remove', 'eve'],
    ]) {
      const refused = await stack.space.run([...args, '--json']);
      expect([refused.status, parsed<JsonError>(refused).error.code]).toEqual([1, 'USERS_REFUSED']);
    }
  });
});

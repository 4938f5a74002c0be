import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../../src/capability/check.ts';
import type { User } from '../../../src/users/plan/requests.ts';
import { docker } from '../../support/cli.ts';
import { totp, Visitor } from '../../support/sign-on/visitor.ts';
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const PASSWORDS = { admin: 'correct horse battery', bob: 'another good password' };
const LIES = {
  'remote-user': 'admin',
  'remote-groups': 'admin',
  'remote-name': 'x',
  'remote-email': 'x',
  'x-medianest-assertion': 'x.y.z',
};

/** An application that repeats what it is told, and greets by WebSocket. */
const ECHO = `
const server = require('node:http').createServer((req, res) => {
  let bytes = 0;
  req.on('data', (part) => { bytes += part.length; });
  req.on('end', () => {
    res.writeHead(req.url.startsWith('/own401') ? 401 : 200, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ url: req.url, method: req.method, bytes, headers: req.headers }));
  });
});
server.on('upgrade', (req, socket) => {
  socket.end('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nX-Seen-User: ' + req.headers['remote-user'] + '\\r\\n\\r\\n');
});
server.listen(3000);
`;

let space: Workspace;
let first: { login: string; link: string };
const secrets: Record<string, string> = {};
const visitor = () => new Visitor({ address: '127.0.0.1', port: space.httpsPort }, 'localhost');
const tokenOf = (link: string) => new URL(link).searchParams.get('token') as string;
const base64 = (url: string) => Buffer.from(url).toString('base64');
const container = () => `${space.project}-sign-on-1`;

/** Signed in, with a code where one is asked for. A code is good once: the next one is waited for where the last was just used. */
async function signedIn(user: keyof typeof PASSWORDS, at = Date.now()): Promise<Visitor> {
  const one = visitor();
  const page = await one.signIn(user, PASSWORDS[user]);
  if (secrets[user]) await one.enter(page, totp(secrets[user], at));
  return one;
}

/** What the application of this stack is told: its origin repeats what it gets. */
async function told(one: Visitor, where: string, headers: Record<string, string> = {}) {
  const answer = await one.ask(where, { headers });
  expect([where, answer.status]).toEqual([where, 200]);
  return answer.json<{ headers: Record<string, string> }>().headers;
}

beforeAll(async () => {
  space = await workspace('sign-on');
  space.configure({
    profile: 'dev-compose',
    components: { 'sign-on': true },
    app: { command: ['node', '-e', ECHO], tls: false },
    edge: {
      login: { perMinute: 5000, burst: 1000 },
      waf: { mode: 'block' },
      access: [
        { paths: ['/share/'], roles: ['everyone'] },
        { paths: ['/admin'], roles: ['admin'] },
        { paths: ['/strict'], roles: ['member'], mfa: true },
      ],
    },
    signOn: { graceMinutes: 1 },
  });
  const up = await space.run(['up', '--json']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  first = parsed<{ invitation: typeof first }>(up).invitation;
});
afterAll(() => space?.destroy());

describe('from a bare stack to a second person', () => {
  it('prints one invitation for the first admin, once, and sends strangers to the sign-in', async () => {
    expect(first).toMatchObject({ login: 'admin', link: expect.stringContaining('/auth/invitation?token=') });
    const again = await space.run(['up', '--json']);
    expect([again.status, parsed<object>(again)]).toEqual([0, expect.not.objectContaining({ invitation: expect.anything() })]);
    const page = await visitor().ask('/films?page=2');
    const here = `https://localhost:${space.httpsPort}`;
    expect([page.status, page.headers.location]).toEqual([302, `${here}/auth/?url=${encodeURIComponent(base64(`${here}/films?page=2`))}`]);
    const api = await visitor().ask('/films', { headers: { accept: 'application/json' } });
    expect([api.status, api.json()]).toMatchObject([401, { error: { code: 'sign-in', signIn: expect.stringContaining('/auth/?url=') } }]);
    expect((await visitor().ask('/api/health')).status).toBe(200);
    expect((await visitor().ask('/auth/static/common/js/portal.min.js')).status).toBe(200);
    expect((await visitor().ask('/auth/static/javascript/jquery/jquery.min.js')).status).toBe(200);
  });

  it('lets the admin in with a second factor only, and the link is good once', async () => {
    const admin = visitor();
    const token = tokenOf(first.link);
    expect((await admin.ask(`/auth/invitation?token=${token}`)).text).toContain('Choose a password for admin');
    expect((await admin.accept(token, 'too short')).text).toContain('at least 12 characters');
    expect((await admin.accept(token, PASSWORDS.admin)).text).toContain('Your password is set');
    expect((await admin.accept(token, 'a thief’s password')).text).toContain('no longer valid');
    expect((await admin.signIn('admin', PASSWORDS.admin)).headers.location).toContain('/auth/2fregisters');
    expect((await admin.ask('/admin')).status).toBe(302);
    secrets.admin = await admin.registerTotp(Date.now);
    const back = visitor();
    const page = await back.signIn('admin', PASSWORDS.admin, base64(`https://localhost:${space.httpsPort}/admin/users`));
    // A clock that is five minutes off.
    expect((await back.enter(page, totp(secrets.admin, Date.now() - 300_000))).status).toBe(200);
    expect((await back.ask('/admin')).status).toBe(302);
    const again = await back.signIn('admin', PASSWORDS.admin, base64(`https://localhost:${space.httpsPort}/admin/users`));
    const entered = await back.enter(again, totp(secrets.admin, Date.now()));
    expect([entered.status, entered.headers.location]).toEqual([302, `https://localhost:${space.httpsPort}/admin/users`]);
    expect(await told(back, '/admin/users')).toMatchObject({ 'remote-user': 'admin', 'remote-groups': 'admin' });
  });

  it('invites a second person by one command, with a name in any script', async () => {
    const invited = await space.run([
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
    expect((await visitor().accept(tokenOf(link), PASSWORDS.bob)).text).toContain('Your password is set');
    const { users } = parsed<{ users: User[] }>(await space.run(['users', 'list', '--json']));
    expect(users).toMatchObject([
      { login: 'admin', groups: ['admin'], password: true, factors: ['totp'], sessions: 1 },
      { login: 'bob', groups: ['family', 'member'], name: 'Böb 影', password: true, factors: [] },
    ]);
    expect(audit(space).at(-1)).toMatchObject({ command: 'medianest users invite bob', result: 'done' });
  });
});

describe('what the application is told', () => {
  it('is who is signed in, whatever the visitor says, and an assertion that its key proves', async () => {
    const bob = await signedIn('bob');
    bob.cookies.set('theme', 'dark');
    const headers = await told(bob, '/', LIES);
    expect(headers).toMatchObject({
      'remote-user': 'bob',
      'remote-groups': 'family,member',
      'remote-email': 'b@example.org',
      cookie: 'theme=dark',
    });
    expect(Buffer.from(headers['remote-name'] as string, 'latin1').toString()).toBe('Böb 影');
    const [head = '', body = '', mac] = (headers['x-medianest-assertion'] as string).split('.');
    const key = readFileSync(path.join(space.state, 'secrets/app-1/sign-on-assertion-key'), 'utf8').trim();
    expect(mac).toBe(createHmac('sha256', key).update(`${head}.${body}`).digest('base64url'));
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    expect(claims).toEqual({
      ...{ sub: 'bob', name: 'Böb 影', email: 'b@example.org', groups: ['family', 'member'], mfa: false, aud: 'localhost' },
      ...{ iat: expect.any(Number), exp: claims.iat + 60 },
    });
    expect(Math.abs(claims.iat - Date.now() / 1000)).toBeLessThan(10);
  });

  it('is nobody on open paths, and the application’s own 401 stays its own', async () => {
    const stranger = await told(visitor(), '/share/x', LIES);
    for (const name of Object.keys(LIES)) expect(stranger).not.toHaveProperty(name);
    expect((await (await signedIn('bob')).ask('/own401')).json()).toMatchObject({ url: '/own401' });
  });

  it('includes uploads and WebSockets', async () => {
    const bob = await signedIn('bob');
    const upload = await bob.ask('/api/uploads/x', { form: { data: 'x'.repeat(200_000) } });
    expect([upload.status, upload.json()]).toMatchObject([200, { bytes: 200_005, headers: { 'remote-user': 'bob' } }]);
    expect((await visitor().ask('/api/uploads/x', { form: { data: 'x' }, headers: { accept: 'application/json' } })).status).toBe(401);
    expect(await bob.upgrade('/socket')).toMatchObject({ status: 101, headers: { 'x-seen-user': 'bob' } });
    expect((await visitor().upgrade('/socket')).status).toBe(302);
  });
});

describe('roles', () => {
  it.each(['/admin', '/ADMIN/x', '/%61dmin', '//admin', '/admin;x', '/strict', '/share/..%2fadmin', '/share/%2e%2e/admin', '/share//x'])(
    'do not let a member see %s',
    async (where) => {
      const answer = await (await signedIn('bob')).ask(where);
      expect(answer.status).toBe(403);
      expect((await visitor().ask(where)).status).not.toBe(200);
    },
  );

  it('say why, as a page and for programs', async () => {
    const bob = await signedIn('bob');
    expect((await bob.ask('/admin')).text).toContain('This is not for your account');
    expect((await bob.ask('/admin', { headers: { accept: 'application/json' } })).json()).toMatchObject({
      error: { code: 'not-allowed-for-you' },
    });
  });

  it('change for sessions that there are, and the last admin stays one', async () => {
    const bob = await signedIn('bob');
    expect((await bob.ask('/')).status).toBe(200);
    const given = await space.run(['users', 'groups', 'bob', '--add', 'guest', '--remove', 'member', '--json']);
    expect(parsed<{ groups: string[]; ended: number }>(given)).toMatchObject({ groups: ['family', 'guest'], ended: expect.any(Number) });
    await until('the session has ended', async () => (await bob.ask('/')).status === 302, 10);
    expect((await (await signedIn('bob')).ask('/')).status).toBe(403);
    // Two at once: neither loses what the other did.
    const both = await Promise.all([
      space.run(['users', 'groups', 'bob', '--add', 'member', '--wait-lock=30']),
      space.run(['users', 'groups', 'bob', '--remove', 'guest', '--wait-lock=30']),
    ]);
    expect(both.map(({ status }) => status)).toEqual([0, 0]);
    const { users } = parsed<{ users: User[] }>(await space.run(['users', 'list', '--json']));
    expect(users.find(({ login }) => login === 'bob')?.groups).toEqual(['family', 'member']);
    for (const args of [
      ['users', 'groups', 'admin', '--remove', 'admin'],
      ['users', 'remove', 'admin'],
      ['users', 'remove', 'eve'],
    ]) {
      const refused = await space.run([...args, '--json']);
      expect([refused.status, parsed<JsonError>(refused).error.code]).toEqual([1, 'USERS_REFUSED']);
    }
  });
});

describe('hostile visitors', () => {
  it('are not sent to another host after the sign-in', async () => {
    for (const url of ['https://evil.example/', 'https://localhost@evil.example/', '//evil.example/', 'javascript:alert(1)']) {
      const answer = await visitor().signIn('bob', PASSWORDS.bob, base64(url));
      expect([url, String(answer.headers.location ?? '')]).toEqual([url, expect.not.stringContaining('evil')]);
      expect(answer.text).not.toMatch(/(?:href|action|content)="[^"]*(?:evil\.example|javascript:)/);
    }
  });

  it('wait longer after each wrong password of one account, and it is logged', async () => {
    const one = await space.run(['users', 'invite', 'mallory', '--json']);
    await visitor().accept(tokenOf(parsed<{ link: string }>(one).link), 'the right password');
    for (let attempt = 0; attempt < 4; attempt++) await visitor().signIn('mallory', `guess ${attempt}`);
    const right = visitor();
    await right.signIn('mallory', 'the right password');
    expect((await right.ask('/')).status).toBe(302);
    expect((await (await signedIn('bob')).ask('/')).status).toBe(200);
    const { stdout, stderr } = await docker(['logs', container()]);
    expect(stdout + stderr).toContain('"code":"SIGN_IN_REFUSED"');
    expect(stdout + stderr).not.toContain('guess 1');
    expect((await space.run(['users', 'remove', 'mallory'])).status).toBe(0);
  });

  it('have no use of a session after its end, on any device', async () => {
    const [here, there] = [await signedIn('bob'), await signedIn('bob')];
    expect([(await here.ask('/')).status, (await there.ask('/')).status]).toEqual([200, 200]);
    const stolen = new Map(here.cookies);
    await here.ask('/auth/?logout=1');
    await until('both have ended', async () => (await there.ask('/')).status === 302, 10);
    const thief = visitor();
    for (const [name, value] of stolen) thief.cookies.set(name, value);
    expect((await thief.ask('/')).status).toBe(302);
  });
});

describe('while the identity provider is away', () => {
  it('those who are signed in go on for a while, nobody else gets in, and it comes back by itself', async () => {
    const bob = await signedIn('bob');
    expect((await bob.ask('/')).status).toBe(200);
    const guess = visitor();
    guess.cookies.set('__Host-medianest', 'a'.repeat(64));
    await docker(['pause', container()]);
    await sleep(6000);
    expect((await bob.ask('/')).status).toBe(200);
    expect([(await guess.ask('/')).status, (await visitor().ask('/')).status]).toEqual([503, 302]);
    expect((await guess.ask('/')).text).toContain('Nobody can sign in just now');
    await docker(['unpause', container()]);
    await docker(['stop', `${space.project}-postgres-1`]);
    await sleep(6000);
    expect([(await bob.ask('/')).status, (await guess.ask('/')).status]).toEqual([200, 503]);
    await docker(['start', `${space.project}-postgres-1`]);
    await docker(['kill', container()]);
    await until('it is back', async () => (await signedIn('bob')).cookies.has('__Host-medianest'), 40);
    expect((await bob.ask('/')).status).toBe(200);
  });

  it('health says so, and who has lost a factor gets in again by the host alone', async () => {
    const healthy = parsed<HealthReport>(await space.run(['health', '--json']));
    expect(healthy.checks.find(({ id }) => id === 'sign-on')).toMatchObject({ status: 'ok' });
    const reset = await space.run(['users', 'reset', 'admin', '--factors-only', '--json']);
    expect([reset.status, parsed<object>(reset)]).toEqual([0, expect.objectContaining({ login: 'admin' })]);
    delete secrets.admin;
    const admin = visitor();
    expect((await admin.signIn('admin', PASSWORDS.admin)).headers.location).toContain('2fregisters');
    const warned = parsed<HealthReport>(await space.run(['health', '--json']));
    expect(warned.checks.find(({ id }) => id === 'sign-on')).toMatchObject({ status: 'warn' });
  });
});

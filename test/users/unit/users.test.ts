import { createHmac } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { users } from '../../../src/users/capability.ts';
import { openToAll, stateOf, userChecks } from '../../../src/users/plan/describe.ts';
import { answerOf, argvOf, groupsFrom, hoursFrom, linkOf, removesAccess, type User } from '../../../src/users/plan/requests.ts';
import { HOME } from '../../support/cli.ts';
import { load } from '../../support/settings.ts';
import { totp } from '../../support/sign-on/visitor.ts';

const user = (more: Partial<User> = {}): User => ({
  ...{ login: 'a', name: 'A', email: '', groups: ['admin'], password: true, factors: ['totp'], sessions: 0, version: 1 },
  ...more,
});

it('what only takes rights away is known: nothing that is interrupted keeps it waiting', () => {
  for (const command of ['remove', 'reset', 'token-remove'] as const) expect(removesAccess({ command })).toBe(true);
  for (const command of ['add', 'invite', 'set', 'token-add', 'list'] as const) expect(removesAccess({ command })).toBe(false);
  expect(removesAccess({ command: 'groups', add: [], remove: ['admin'] })).toBe(true);
  expect(removesAccess({ command: 'groups', add: ['member'], remove: ['admin'] })).toBe(false);
});

describe('what the program in the container said', () => {
  it('is its one document, whatever it warned of before', () => {
    expect(answerOf({ exitCode: 0, output: 'perl: warning: locale\n{"login":"a"}\n' })).toEqual({ login: 'a' });
  });

  it.each([
    [
      { exitCode: 1, output: '{"error":{"code":"LAST_ADMIN","message":"this is the only admin"}}\n' },
      'USERS_REFUSED',
      'this is the only admin; nothing was changed',
    ],
    [{ exitCode: 3, output: 'users: could not connect to server\n' }, 'NOT_RUNNING', 'could not connect to server'],
    [{ exitCode: 126, output: '' }, 'NOT_RUNNING', 'ended with 126'],
    [{ exitCode: 0, output: 'nothing' }, 'NOT_RUNNING', 'cannot be read'],
  ])('or why not: %j', (said, code, message) => {
    expect(() => answerOf(said)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  it('was asked in one argument, whatever is in it', () => {
    const [program, command, asked] = argvOf({ command: 'add', login: 'a', name: '$(id) "x"\n' });
    expect([program, command, JSON.parse(asked as string)]).toEqual(['users', 'add', { login: 'a', name: '$(id) "x"\n' }]);
  });
});

describe('options', () => {
  it('name groups and hours, and nothing else', () => {
    expect(groupsFrom('member, family,member', '--groups')).toEqual(['member', 'family']);
    expect([groupsFrom(undefined, '--groups'), hoursFrom(undefined, 72), hoursFrom('48', 72)]).toEqual([[], 72, 48]);
    for (const bad of ['', 'a b', 'Admin', "a'"]) expect(() => groupsFrom(bad, '--add')).toThrow('--add');
    for (const bad of ['0', '721', '1.5', 'x', '']) expect(() => hoursFrom(bad, 72)).toThrow('from 1 to 720');
    expect(linkOf('https://h:8443/', { token: 'abc' })).toBe('https://h:8443/auth/invitation?token=abc');
  });
});

it('a dry run of `up` invites no user, and does not ask the engine', async () => {
  const loaded = load({ file: 'components: { sign-on: true }\n', flags: { profile: 'dev-compose' } });
  const context = { flags: { dryRun: true }, engine: () => Promise.reject(new UserError('ENGINE_AWAY', 'it was asked', '-')) };
  expect(await users.up?.outside?.(context as never, { loaded } as never)).toBeUndefined();
});

describe('what health says', () => {
  it.each([
    [[user()], 'ok', '1 users'],
    [[user({ factors: [] })], 'warn', 'with a second factor'],
    [[user({ password: false, factors: [], invitedUntil: '2026-01-01T00:00:00Z' })], 'warn', 'invited until 2026-01-01'],
    [[user({ groups: ['member'] })], 'warn', 'no admin can sign in'],
    [[], 'warn', 'no admin can sign in'],
    [new UserError('NOT_RUNNING', 'the identity provider does not run', 'medianest up'), 'fail', 'does not run'],
  ])('of %j', (found, status, message) => {
    expect(userChecks(found)).toEqual([expect.objectContaining({ id: 'sign-on', status, message: expect.stringContaining(message) })]);
  });

  it('is that strangers see everything only where they reach it and the settings say so', () => {
    expect(openToAll({ access: 'none', addresses: ['127.0.0.1', '::1'] })).toBeUndefined();
    expect(openToAll({ access: [], addresses: ['0.0.0.0'] })).toBeUndefined();
    expect(openToAll({ access: 'none', addresses: ['127.0.0.1', '0.0.0.0', '::'] })).toContain('published on 0.0.0.0, ::');
  });

  it('is each user’s state', () => {
    expect(stateOf(user({ factors: [] }))).toContain('sets up a second factor');
    expect(stateOf(user({ groups: ['member'], factors: [] }))).toBe('ok');
    expect(stateOf(user({ password: false }))).toBe('cannot sign in');
  });
});

describe('what the edge tells the application', () => {
  interface Script {
    cookies(request: object): string;
    portalCookies(request: object): string;
    signInAt(request: object): string;
    sign(answer: Record<'headersIn' | 'headersOut' | 'variables', Record<string, string>> & { status: number }): void;
  }
  let script: Script;
  beforeAll(async () => {
    Object.assign(globalThis, { ngx: { shared: { known_sessions: new Map() } }, sign_on_key: { key: 'k' } });
    script = ((await import(pathToFileURL(path.join(HOME, 'templates/edge/image/sign-on.js')).href)) as { default: Script }).default;
  });

  const told = (headersOut: Record<string, string>, status = 200, cache = 'EXPIRED', session = 'a') => {
    const variables = { host: 'h', upstream_cache_status: cache };
    const answer = { status, headersIn: { Cookie: session }, headersOut: { ...headersOut }, variables };
    script.sign(answer);
    return answer;
  };
  const BOB = { 'Remote-User': 'bob', 'Remote-Name': Buffer.from('Böb').toString('base64'), 'Remote-Groups': 'a,b', 'Remote-Mfa': '1' };
  const until = (seconds: number) => ({ 'Remote-Until': String(Date.now() / 1000 + seconds) });

  it('is signed, names the host, and is nothing where no one is signed in', () => {
    const { headersOut } = told({ ...BOB, ...until(5) });
    const [head, body, mac] = (headersOut['Remote-Assertion'] as string).split('.');
    expect(mac).toBe(createHmac('sha256', 'k').update(`${head}.${body}`).digest('base64url'));
    const claims = JSON.parse(Buffer.from(body as string, 'base64url').toString());
    expect(claims).toMatchObject({ sub: 'bob', name: 'Böb', groups: ['a', 'b'], mfa: true, aud: 'h' });
    expect(claims.exp - claims.iat).toBe(60);
    expect(headersOut['Remote-Name']).toBe('Böb');
    for (const refused of [told(until(5)), told({ ...BOB, ...until(5) }, 403), told(BOB, 401)])
      expect(refused.headersOut).not.toHaveProperty('Remote-Assertion');
  });

  it('has no cookie of the session, however often it is sent', () => {
    const sent = (Cookie: string | undefined) => script.cookies({ headersIn: { Cookie } });
    expect(sent('a=1; __Host-medianest=x;b=2; __Host-medianest=y; __Host-medianestpdata=z')).toBe('a=1; b=2');
    expect([sent('__Host-medianest=x'), sent(undefined)]).toEqual(['', '']);
  });

  it('is not what the provider’s pages get: those get their own cookies, and the session that was judged, however another is written', () => {
    const [judged, stolen] = ['a'.repeat(64), `__Host-medianest=${'b'.repeat(64)}`];
    const sent = (Cookie: string | undefined, session_cookie = '') =>
      script.portalCookies({ headersIn: { Cookie }, variables: { session_cookie } });
    const own = '__Host-medianestpdata=%7B%22a%22%3A1%7D; llnglanguage=pt-BR';
    expect([sent(undefined), sent(`x=1; ${own}; ${stolen}`), sent(`${own}; sid=2`, judged)]).toEqual([
      ...['', own, `${own}; __Host-medianest=${judged}`],
    ]);
    for (const name of ['llnglanguage', '__Host-medianestpdata'])
      for (const before of ['', 'x ', 'x,', 'x"', '\t']) expect(sent(`${name}=${before}${stolen}`)).toBe('');
  });

  it('is no remembered answer whose time is over', () => {
    expect(told({ ...BOB, ...until(5) }).status).toBe(200);
    for (const over of [until(-1), { 'Remote-Until': '' }, { 'Remote-Until': 'x' }, {}])
      expect(told({ ...BOB, ...over })).toMatchObject({
        status: 503,
        headersOut: expect.not.objectContaining({ 'Remote-Assertion': expect.anything() }),
      });
    expect(told({}, 403).status).toBe(403);
  });

  it('is a remembered answer while the provider is away, unless the session was refused since', () => {
    const statusOf = (status: number, cache: string, session = 'a') => {
      const { headersOut, status: sent } = told(status === 200 ? { ...BOB, ...until(5) } : {}, status, cache, session);
      return [sent, 'Remote-Assertion' in headersOut];
    };
    expect([statusOf(200, 'EXPIRED'), statusOf(200, 'STALE')]).toEqual([
      [200, true],
      [200, true],
    ]);
    // Another rule, and another session.
    for (const other of [statusOf(403, 'EXPIRED'), statusOf(401, 'EXPIRED', 'b')]) expect(other[1]).toBe(false);
    expect(statusOf(200, 'STALE')).toEqual([200, true]);
    expect(statusOf(401, 'EXPIRED')).toEqual([401, false]);
    expect(statusOf(200, 'STALE')).toEqual([503, false]);
  });

  it('leads to the sign-in and back to the same address', () => {
    const at = script.signInAt({ variables: { host: 'h', https_port_suffix: ':8443', request_uri: '/ä?x=1&y' } });
    expect(Buffer.from(new URL(at).searchParams.get('url') as string, 'base64').toString()).toBe('https://h:8443/ä?x=1&y');
  });
});

it('the code of an authenticator app is that of RFC 6238, appendix B', () => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  expect([59, 1_111_111_109, 1_234_567_890].map((seconds) => totp(secret, seconds * 1000))).toEqual(['287082', '081804', '005924']);
});

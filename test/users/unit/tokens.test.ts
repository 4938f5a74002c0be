import { createHash } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { wordsOf } from '../../../src/users/plan/requests.ts';
import { holderFrom, holderOf, pathsFrom, untilFrom } from '../../../src/users/plan/tokens.ts';
import { HOME } from '../../support/cli.ts';
import { load } from '../../support/settings.ts';

const NOW = new Date('2026-11-30T12:00:00Z');

describe('the options of a token', () => {
  it('say when it ends: with a day in UTC, or at a time', () => {
    expect(untilFrom('2027-06-30', NOW)).toBe('2027-07-01T00:00:00.000Z');
    expect(untilFrom('2026-11-30', NOW)).toBe('2026-12-01T00:00:00.000Z');
    expect(untilFrom('2027-06-30T12:00+02:00', NOW)).toBe('2027-06-30T10:00:00.000Z');
    for (const bad of [
      undefined,
      '',
      'tomorrow',
      '2027-02-30',
      '2027-13-01',
      '2027-06-30 12:00',
      '2027-06-30T12:00',
      '30',
      '2027-06-30T25:00Z',
    ])
      expect(() => untilFrom(bad, NOW), String(bad)).toThrow('--until');
    for (const over of ['2026-11-29', '2026-11-30T12:00Z']) expect(() => untilFrom(over, NOW)).toThrow('is over');
    expect(() => untilFrom('2029-06-30', NOW)).toThrow('two years at most');
  });

  it('name either a user or roles, and paths', () => {
    expect([holderFrom('bob', undefined), holderFrom(undefined, 'member, family')]).toEqual([
      { login: 'bob' },
      { groups: ['member', 'family'] },
    ]);
    for (const [user, role] of [[], ['bob', 'member']]) expect(() => holderFrom(user, role)).toThrow('give one of --user and --role');
    expect([holderOf({ user: 'bob', roles: [] }), holderOf({ user: null, roles: ['a', 'b'] })]).toEqual(['user bob', 'a,b']);
    expect([pathsFrom(undefined), pathsFrom('/a/, /b')]).toEqual([[], ['/a/', '/b']]);
    for (const bad of ['', 'a', '/a b', '/a?b', '/%2f']) expect(() => pathsFrom(bad)).toThrow('--paths');
  });

  it('are in the audit log by the words that were typed', () => {
    expect(wordsOf({ command: 'token-add', token: 'robot', groups: ['admin'] })).toBe('users token add robot');
    expect(wordsOf({ command: 'session-end', login: 'bob', session: 'a' })).toBe('users sessions bob');
    expect([wordsOf({ command: 'first' }), wordsOf({ command: 'remove', login: 'bob' })]).toEqual(['up', 'users remove bob']);
  });
});

it.each([
  ['[https://a.example/*]', 'without \\* and #'],
  ['["https://a.example/x#y"]', 'without \\* and #'],
  ['["https://user@a.example/"]', 'without'],
  ['["https://a.example\\\\@evil.example/"]', 'without'],
  ['["http://a.example/"]', 'whole address'],
  ['["javascript:alert(1)"]', 'whole address'],
  ['[]', 'redirect'],
])('a client’s redirect is no %s', (redirect, message) => {
  const file = `signOn: { clients: { films: { redirect: ${redirect} } } }\n`;
  expect(() => load({ file, flags: { profile: 'dev-compose' } })).toThrow(new RegExp(message));
});

it('a client’s redirect is a page of a server, of this device or of an app', () => {
  const redirect = ['https://a.example:8443/login?x=1', 'http://127.0.0.1:9000/cb', 'app.immich:/oauth-callback'];
  const { settings } = load({ file: `signOn: { clients: { films: { redirect: ${JSON.stringify(redirect)} } } }\n`, flags: {} });
  expect(settings.signOn).toMatchObject({ clients: { films: { redirect, roles: ['member'], mfa: false, pkce: true, logout: [] } } });
});

describe('the edge', () => {
  interface Asked {
    status: number;
    headersIn: Record<string, string>;
    headersOut: Record<string, string>;
    variables: Record<string, string>;
    rawVariables: { client: Buffer };
  }
  interface Script {
    tokenHash(request: Pick<Asked, 'headersIn'>): string;
    tokenFirstLook(request: Asked): string;
    boundToken(request: Asked): void;
  }
  class Dict extends Map<string, number> {
    incr(key: string, by: number, from: number) {
      this.set(key, (this.get(key) ?? from) + by);
    }
  }
  const TOKEN = `mn_${'a'.repeat(43)}`;
  const HASH = createHash('sha256').update(TOKEN).digest('hex');
  let script: Script;
  let shared: Record<'known_tokens' | 'token_tries', Dict>;
  beforeEach(async () => {
    shared = { known_tokens: new Dict(), token_tries: new Dict() };
    Object.assign(globalThis, { ngx: { shared }, sign_on_key: { key: 'k' } });
    script = ((await import(pathToFileURL(path.join(HOME, 'templates/edge/image/sign-on.js')).href)) as { default: Script }).default;
  });

  const asked = (headersOut: Record<string, string>, variables: Record<string, string> = {}, status = 200): Asked => ({
    ...{
      status,
      headersIn: {},
      headersOut: { 'Remote-User': 'bob', ...headersOut },
      rawVariables: { client: Buffer.from([127, 0, 0, 1]) },
    },
    variables: { token_given: '1', token_hash: HASH, needs: 'other', asked_path: '/Films/x', token_tries_limit: '2', ...variables },
  });
  const outcome = (request: Asked) => {
    script.boundToken(request);
    const { token_refused = '', sign_on_failed = '' } = request.variables;
    return [request.status, token_refused, sign_on_failed];
  };
  const soon = String(Math.floor(Date.now() / 1000) + 60);

  it('sends a hash of what is a token, whole and in this header alone', () => {
    const hash = (Authorization: string) => script.tokenHash({ headersIn: { Authorization } });
    expect([hash(`Bearer ${TOKEN}`), hash(`bearer  ${TOKEN}`)]).toEqual([HASH, HASH]);
    for (const bad of ['', 'Bearer other', `Bearer ${TOKEN}a`, `Basic ${TOKEN}`, `Bearer ${TOKEN}, x`, TOKEN]) expect(hash(bad)).toBe('');
  });

  it('lets a token in until its end, where its paths are, and where the provider is away if it was in before', () => {
    expect(outcome(asked({ 'Remote-Until': soon }))).toEqual([200, '', '']);
    expect(outcome(asked({ 'Remote-Until': '1' }))).toEqual([401, '', '1']);
    expect(outcome(asked({}))).toEqual([401, '', '1']);
    const films = asked({ 'Remote-Until': soon, 'Remote-Paths': '/films/' });
    const music = asked({ 'Remote-Until': soon, 'Remote-Paths': '/music/' });
    expect([outcome(films)[0], outcome(music)[0]]).toEqual([200, 401]);
    expect([films, music].map(({ headersOut }) => 'Remote-Assertion' in headersOut)).toEqual([true, false]);
    expect(outcome(asked({ 'Remote-Until': soon, 'Remote-Paths': '/a /films/' }))).toEqual([200, '', '']);
    expect(outcome(asked({ 'Remote-Until': soon, 'Remote-Paths': '/films/y' }))).toEqual([401, 'path', '']);
    expect(outcome(asked({ 'Remote-Until': soon, 'Remote-Paths': '/' }, { asked_path: '' }))).toEqual([401, 'path', '']);
    const stale = () => outcome(asked({ 'Remote-Until': soon }, { upstream_cache_status: 'STALE' }));
    expect(stale()).toEqual([200, '', '']);
    outcome(asked({ 'Remote-Refused': 'unknown' }, {}, 401));
    expect(stale()).toEqual([401, '', '1']);
  });

  it('counts what was refused for being no token, and does not ask about others of that client then', () => {
    const look = (more: Record<string, string> = {}) => script.tokenFirstLook(asked({}, more));
    expect([look(), look({ token_hash: '' })]).toEqual(['', 'malformed']);
    for (const reason of ['role', 'mfa', 'ended', 'unknown'])
      expect(outcome(asked({ 'Remote-Refused': reason }, {}, 401))).toEqual([401, reason, '']);
    expect([look(), look({ token_tries_limit: '0' })]).toEqual(['tries', '']);
    shared.known_tokens.set(HASH, 1);
    expect(look()).toBe('');
  });
});

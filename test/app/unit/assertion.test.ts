import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readAssertion } from '../../../templates/app/image/src/sign-on/assertion.js';
import { readSignOn } from '../../../templates/app/image/src/sign-on/config.js';
import { rightsOf, roleOf } from '../../../templates/app/image/src/sign-on/roles.js';
import { HOME } from '../../support/cli.ts';

const KEY = 'a secret of thirty-two characters';
const NOW = 1_800_000_000;
const HOST = 'media.example.org';
const CLAIMS = { sub: 'ana', name: 'Ana', email: 'ana@example.org', groups: ['member'], mfa: true, aud: HOST, iat: NOW, exp: NOW + 60 };

const part = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hmac = (text: string, key = KEY, hash = 'sha256') => createHmac(hash, key).update(text).digest('base64url');
function token(claims: unknown = CLAIMS, { head = { alg: 'HS256', typ: 'JWT' } as unknown, key = KEY } = {}): string {
  const text = `${part(head)}.${part(claims)}`;
  return `${text}.${hmac(text, key)}`;
}
const read = (text: string, seconds = NOW, hosts = [HOST]) => readAssertion(text, KEY, { hosts, now: seconds * 1000 });

describe('an assertion of sign-on', () => {
  it('says who a request is from', () => {
    expect(read(token())).toEqual({ subject: 'ana', name: 'Ana', email: 'ana@example.org', groups: ['member'], mfa: true });
  });

  it('ends 60 s after it was made, and 30 s for clocks that differ', () => {
    expect(read(token(), NOW + 89)).toBeDefined();
    expect(read(token(), NOW + 90)).toBeUndefined();
    expect(read(token(), NOW - 29)).toBeDefined();
    expect(read(token(), NOW - 31)).toBeUndefined();
  });

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const rs256 = (() => {
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(CLAIMS)}`;
    return `${text}.${createSign('sha256').update(text).sign(privateKey).toString('base64url')}`;
  })();
  const [head, body, signature] = token().split('.') as [string, string, string];
  const other = part({ ...CLAIMS, groups: ['admin'] });

  it.each([
    ['nothing', ''],
    ['no JWT', 'hello'],
    ['no signature', `${head}.${body}.`],
    ['two parts', `${head}.${body}`],
    ['four parts', `${head}.${body}.${signature}.${signature}`],
    ['two of them, as Node joins headers', `${token()}, ${token()}`],
    ['another key', token(CLAIMS, { key: 'another secret of 32 characters..' })],
    ['other claims below the same signature', `${head}.${other}.${signature}`],
    ['a signature that ends early', `${head}.${body}.${signature.slice(0, -4)}`],
    ['alg none, signed', token(CLAIMS, { head: { alg: 'none' } })],
    ['alg none, not signed', `${part({ alg: 'none' })}.${body}.`],
    ['alg in another case', token(CLAIMS, { head: { alg: 'hs256' } })],
    ['HS512 with the right key', `${part({ alg: 'HS512' })}.${body}.${hmac(`${part({ alg: 'HS512' })}.${body}`, KEY, 'sha512')}`],
    ['RS256', rs256],
    ['HS256 by a public key', token(CLAIMS, { key: pem })],
    ['a head that asks for more than we know', token(CLAIMS, { head: { alg: 'HS256', crit: ['exp'] } })],
    ['a head that is no object', token(CLAIMS, { head: ['HS256'] })],
    ['claims that are no JSON', token('{')],
    ['no end', token({ ...CLAIMS, exp: undefined })],
    ['an end in words', token({ ...CLAIMS, exp: '2100-01-01' })],
    ['a beginning to come', token({ ...CLAIMS, nbf: NOW + 3600 })],
    ['no audience', token({ ...CLAIMS, aud: undefined })],
    ['another host', token({ ...CLAIMS, aud: 'other.example.org' })],
    ['a host that begins like ours', token({ ...CLAIMS, aud: `${HOST}.evil.example` })],
    ['no subject', token({ ...CLAIMS, sub: undefined })],
    ['an empty subject', token({ ...CLAIMS, sub: '' })],
    ['a subject that no database stores', token({ ...CLAIMS, sub: 'a\0b' })],
    ['megabytes', token({ ...CLAIMS, name: 'x'.repeat(1e6) })],
  ])('with %s is not trusted', (_what, text) => {
    expect(read(text)).toBeUndefined();
  });

  it('may be for one of several hosts, in any case', () => {
    expect(read(token({ ...CLAIMS, aud: ['other.example.org', HOST.toUpperCase()] }))).toBeDefined();
  });

  it('does without a name and an address; an address that would name others is none', () => {
    expect(read(token({ ...CLAIMS, name: ' ', email: 'a@b.c, d@e.f' }))).toMatchObject({ name: 'ana', email: null });
    expect(read(token({ ...CLAIMS, email: 'a@b.c\r\nBcc: d@e.f', groups: 'admin', mfa: 'yes' }))).toMatchObject({
      email: null,
      groups: [],
      mfa: false,
    });
  });
});

describe('a role', () => {
  it('is the highest of a person’s groups', () => {
    expect(roleOf(['guest', 'operator', 'member'])).toBe('operator');
    expect(roleOf(['family', 'Admin'])).toBeUndefined();
  });
  it('may what the ones before it may, and one thing more', () => {
    expect(['none', 'guest', 'member', 'operator', 'admin'].map(rightsOf)).toEqual([
      [],
      ['look'],
      ['look', 'request'],
      ['look', 'request', 'decide'],
      ['look', 'request', 'decide', 'administer'],
    ]);
  });
});

describe('the key', () => {
  it('is not there without its setting, and then sign-on is off', () => {
    expect(readSignOn({})).toBeUndefined();
  });
  it.each([
    [{ SIGN_ON_KEY_FILE: '/nowhere/key' }, /cannot read \/nowhere\/key \(ENOENT\)/],
    [{ SIGN_ON_KEY_FILE: '/dev/null' }, /at least 32 characters/],
    [{ SIGN_ON_KEY_FILE: '/proc/self/limits', SIGN_OUT_URL: '//evil.example' }, /SIGN_OUT_URL/],
    [{ SIGN_ON_KEY_FILE: '/proc/self/limits', PORTAL_REQUEST_QUOTA: '-1' }, /PORTAL_REQUEST_QUOTA/],
  ])('keeps the portal from starting where it is no key: %j', (env, words) => {
    expect(() => readSignOn(env)).toThrow(words);
  });
});

describe('an assertion that was proved', () => {
  afterEach(() => vi.useRealTimers());
  type Hook = (request: object) => Promise<void>;
  const hookOf = async (): Promise<Hook> => {
    const { guard } = await import(pathToFileURL(path.join(HOME, 'templates/app/image/src/sign-on/guard.js')).href);
    const hooks: Record<string, Hook> = {};
    const app = { decorateRequest: () => app, addHook: (name: string, hook: Hook) => Object.assign(hooks, { [name]: hook }) };
    guard(app, { key: KEY, hosts: [HOST], signOutUrl: undefined, requestQuota: 1, checkMs: 1 });
    return hooks.onRequest as Hook;
  };
  const asks = async (hook: Hook, text: string | undefined, needs = 'look') => {
    const request = { routeOptions: { config: { needs } }, headers: { 'x-medianest-assertion': text }, rights: ['look'], person: null };
    return hook(request).then(
      () => request.person as { subject: string; role: string } | null,
      (error: { status?: number; statusCode?: number }) => error.status ?? error.statusCode,
    );
  };

  it('is not proved again for some seconds, and each one stands for itself', async () => {
    vi.useFakeTimers({ now: NOW * 1000, toFake: ['Date'] });
    const hook = await hookOf();
    const mine = token();
    const first = await asks(hook, mine);
    expect(first).toMatchObject({ subject: 'ana', role: 'member' });
    expect(await asks(hook, mine)).toBe(first);
    expect(await asks(hook, token({ ...CLAIMS, groups: ['guest'] }))).toMatchObject({ subject: 'ana', role: 'guest' });
    expect(await asks(hook, token({ ...CLAIMS, sub: 'eve' }))).toMatchObject({ subject: 'eve' });
    const [head, body, signature] = mine.split('.');
    for (const forged of [undefined, `${head}.${body}.`, `${head}.${body}.${signature?.slice(0, -1)}`, `${mine} `])
      expect(await asks(hook, forged)).toBe(401);
    // Its end counts all the same.
    vi.setSystemTime((NOW + 96) * 1000);
    expect(await asks(hook, mine)).toBe(401);
  });
});

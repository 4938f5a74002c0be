import { readFileSync } from 'node:fs';
import path from 'node:path';
import { InMemoryWebStorage, OidcClient, WebStorageStateStore } from 'oidc-client-ts';
import * as client from 'openid-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Client } from '../../../src/users/clients.ts';
import { fetchBy } from '../../support/sign-on/fetch.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import type { Visitor } from '../../support/sign-on/visitor.ts';
import { type JsonError, parsed, until } from '../../support/stack.ts';

const REDIRECT = 'https://films.example.org/callback';
const BYE = 'https://films.example.org/bye';
const SCOPE = 'openid profile email groups';

let stack: SignOnStack;
let films: Client & { secret: string };
beforeAll(async () => {
  stack = await signOnStack('sign-on-oidc', {
    signOn: {
      graceMinutes: 1,
      clients: {
        films: { redirect: [REDIRECT], logout: [BYE] },
        'ops-tool': { redirect: ['https://ops.example.org/cb'], roles: ['operator'] },
      },
    } as never,
  });
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member,family', '--name', 'Böb 影', '--email', 'b@example.org');
  films = await shown('films');
});
afterAll(() => {
  vi.unstubAllGlobals();
  return stack?.space.destroy();
});

const shown = async (name: string) => parsed<Client & { secret: string }>(await stack.space.run(['users', 'clients', name, '--json']));
const authority = () => readFileSync(path.join(stack.space.state, 'ca/root.crt'), 'utf8');
const discover = async (of = films) =>
  client.discovery(new URL(of.issuer), of.id, of.secret, undefined, { [client.customFetch]: fetchBy(authority()) as client.CustomFetch });

/** What the browser of a person is answered. */
const go = (one: Visitor, address: string | URL) => one.ask(new URL(address).pathname + new URL(address).search);

/** A whole code flow with PKCE; what is given replaces parameters of the request. */
async function flow(config: client.Configuration, one: Visitor, more: Record<string, string> = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const request = {
    ...{ redirect_uri: REDIRECT, scope: SCOPE, state: 's', nonce: 'n', code_challenge_method: 'S256' },
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    ...more,
  };
  const answer = await go(one, client.buildAuthorizationUrl(config, request));
  const back = String(answer.headers.location ?? '');
  const checks = { pkceCodeVerifier: verifier, expectedState: 's', expectedNonce: 'n' };
  return { answer, back, checks, grant: () => client.authorizationCodeGrant(config, new URL(back), checks) };
}

describe('an application that uses openid-client', () => {
  it('is told who has signed in, with groups, and a code is good once', async () => {
    expect(films).toMatchObject({ id: 'films', issuer: `${stack.url}/auth`, roles: ['member'] });
    const config = await discover();
    expect(config.serverMetadata()).toMatchObject({ issuer: films.issuer, response_types_supported: ['code'] });
    const bob = await stack.signedIn('bob');
    const { grant } = await flow(config, bob);
    const tokens = await grant();
    const claims = { sub: 'bob', preferred_username: 'bob', name: 'Böb 影', email: 'b@example.org', groups: ['family', 'member'] };
    expect(tokens.claims()).toMatchObject({ ...claims, iss: films.issuer, aud: ['films'], nonce: 'n' });
    expect(await client.fetchUserInfo(config, tokens.access_token, 'bob')).toMatchObject(claims);
    await expect(grant()).rejects.toMatchObject({ error: 'invalid_grant' });

    const out = client.buildEndSessionUrl(config, {
      ...{ post_logout_redirect_uri: BYE, state: 'z' },
      id_token_hint: tokens.id_token as string,
    });
    expect((await go(bob, out)).headers.location).toBe(`${BYE}?state=z`);
    await until('the session has ended', async () => (await bob.ask('/')).status === 302, 10);
    await expect(client.fetchUserInfo(config, tokens.access_token, 'bob')).rejects.toMatchObject({ cause: { status: 401 } });
  });

  it('gets no code without PKCE by SHA-256, for another address, another flow, another verifier or another secret', async () => {
    const config = await discover();
    const bob = await stack.signedIn('bob');
    for (const more of [{ code_challenge: '' }, { code_challenge_method: 'plain' }, { response_type: 'id_token token' }])
      expect([more, (await flow(config, bob, more)).back]).toEqual([more, expect.not.stringMatching(/[?&#](?:code|id_token)=/)]);
    for (const redirect_uri of ['https://evil.example/', `${REDIRECT}/../x`, `${REDIRECT}?x`, REDIRECT.toUpperCase()]) {
      const { answer, back } = await flow(config, bob, { redirect_uri });
      expect([redirect_uri, back, answer.text]).toEqual([redirect_uri, '', expect.not.stringMatching(/(?:href|action)="[^"]*evil/)]);
    }
    const { back, checks } = await flow(config, bob);
    await expect(
      client.authorizationCodeGrant(config, new URL(back), { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }),
    ).rejects.toMatchObject({ error: 'invalid_grant' });
    const { grant } = await flow(await discover({ ...films, secret: 'x'.repeat(43) }), bob);
    await expect(grant()).rejects.toMatchObject({ error: 'invalid_client' });
    const out = client.buildEndSessionUrl(config, { post_logout_redirect_uri: 'https://evil.example/' });
    expect(String((await go(bob, out)).headers.location ?? '')).not.toContain('evil');
  });

  it('gets a person back who had to sign in first', async () => {
    const one = stack.visitor();
    const { answer, checks } = await flow(await discover(), one);
    const url = /name="url" value="([^"]+)"/.exec(answer.text)?.[1] ?? '';
    let page = await one.signIn('bob', PASSWORDS.bob, url);
    for (let left = 3; left > 0 && String(page.headers.location).startsWith(stack.url); left--)
      page = await go(one, String(page.headers.location));
    const tokens = await client.authorizationCodeGrant(await discover(), new URL(String(page.headers.location)), checks);
    expect(tokens.claims()).toMatchObject({ sub: 'bob', aud: ['films'] });
  });

  it('lets in only those with its roles, after the sign-in', async () => {
    const config = await discover(await shown('ops-tool'));
    const { back, answer } = await flow(config, await stack.signedIn('bob'), { redirect_uri: 'https://ops.example.org/cb' });
    expect([back, answer.status]).toEqual(['', expect.any(Number)]);
    const stranger = await flow(await discover(), stack.visitor());
    expect([stranger.back, stranger.answer.text]).toEqual(['', expect.stringContaining('name="password"')]);
    const unknown = await stack.space.run(['users', 'clients', 'x', '--json']);
    expect([unknown.status, parsed<JsonError>(unknown).error.code]).toEqual([2, 'USAGE']);
    expect((await stack.space.run(['users', 'clients', '--json'])).stdout).not.toContain(films.secret);
  });
});

it('an application that uses oidc-client-ts is told the same', async () => {
  vi.stubGlobal('fetch', fetchBy(authority()));
  const own = new OidcClient({
    ...{ authority: films.issuer, client_id: films.id, client_secret: films.secret, redirect_uri: REDIRECT, scope: SCOPE },
    ...{ post_logout_redirect_uri: BYE, loadUserInfo: true, stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }) },
  });
  const bob = await stack.signedIn('bob');
  const { url } = await own.createSigninRequest({ nonce: 'm' });
  expect(url).toContain('code_challenge_method=S256');
  const { headers } = await go(bob, url);
  const answer = await own.processSigninResponse(String(headers.location));
  expect(answer.profile).toMatchObject({ sub: 'bob', groups: ['family', 'member'], email: 'b@example.org' });
  const out = await own.createSignoutRequest({ id_token_hint: answer.id_token as string });
  expect(String((await go(bob, out.url)).headers.location)).toContain(BYE);
});

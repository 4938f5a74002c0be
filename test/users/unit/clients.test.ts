import { describe, expect, it } from 'vitest';
import { resolveStackSecrets } from '../../../src/secrets/plan/secrets.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const CLIENTS = `{ films: { redirect: [https://films.example.org/cb] }, ops-tool: { redirect: [https://a/x, https://b/y], roles: [operator], mfa: true, pkce: false } }`;
const stack = (clients = CLIENTS) =>
  stackOf(load({ file: `components: { sign-on: true }\nsignOn: { clients: ${clients} }\n`, flags: { profile: 'dev-compose' } }));
const file = (name: string, clients?: string) => rendered(stack(clients)).files.find(({ path }) => path === name)?.contents as string;
const engine = (clients?: string) =>
  JSON.parse(file('sign-on/lmConf-1.json', clients)) as Record<string, Record<string, Record<string, unknown>>>;

describe('a client of OpenID Connect', () => {
  it('is known by its secret and its addresses, and to whom it is open', () => {
    const { oidcRPMetaDataOptions: options, ...conf } = engine();
    expect(options?.films).toMatchObject({
      oidcRPMetaDataOptionsClientSecret: '%SERVERENV:SIGN_ON_CLIENT_FILMS%',
      oidcRPMetaDataOptionsRule: '$roles =~ /(?:^|,)(?:admin|operator|member)(?:,|$)/',
      oidcRPMetaDataOptionsRequirePKCE: 1,
    });
    expect(options?.['ops-tool']).toMatchObject({
      oidcRPMetaDataOptionsClientSecret: '%SERVERENV:SIGN_ON_CLIENT_OPS_TOOL%',
      oidcRPMetaDataOptionsRedirectUris: 'https://a/x https://b/y',
      oidcRPMetaDataOptionsRule: '$roles =~ /(?:^|,)(?:admin|operator)(?:,|$)/ and $_2f',
      oidcRPMetaDataOptionsRequirePKCE: 0,
    });
    expect(conf).toMatchObject({ oidcServiceMetaDataIssuer: 'https://localhost:8443/auth', oidcServiceAllowImplicitFlow: 0 });
    expect(stack().services.find(({ name }) => name === 'sign-on')?.environment.SIGN_ON_CLIENTS).toBe('films ops-tool');
  });

  it('has its servers asked without the limit of the sign-in, which is for people', () => {
    const limited = (path: string, clients?: string) => {
      const pattern = /"?~(\^\/auth\/\S+?)"? 1;/.exec(file('edge/limits.conf', clients))?.[1] as string;
      return new RegExp(pattern).test(path);
    };
    for (const path of ['/auth/oauth2/token', '/auth/oauth2/userinfo']) expect([limited(path), limited(path, '{}')]).toEqual([false, true]);
    for (const path of ['/auth/', '/auth/oauth2/authorize', '/auth/oauth2/token/x', '/auth/totp2fcheck']) expect(limited(path)).toBe(true);
  });

  it('needs no key and no setting of the engine where there is none', () => {
    expect(Object.keys(engine('{}')).filter((name) => /oidc|OpenID/.test(name))).toEqual([]);
    expect(stack('{}').secrets.map(({ name }) => name)).not.toContain('sign-on-oidc-key');
  });
});

it('the signing key is kept, and another one after a rotation', () => {
  const specs = stack().secrets.filter(({ name }) => name.startsWith('sign-on-oidc') || name.startsWith('sign-on-client'));
  expect(specs.map(({ name }) => name)).toEqual(['sign-on-client-films', 'sign-on-client-ops-tool', 'sign-on-oidc-key']);
  const asked: unknown[] = [];
  const random = (bytes: number, rsa?: number) => {
    asked.push(rsa ?? bytes);
    return `made ${asked.length}`;
  };
  const first = resolveStackSecrets(specs, undefined, random, 'now');
  expect(asked).toEqual([32, 32, 32, 3072]);
  const second = resolveStackSecrets(specs, first.store, random, 'later', ['sign-on-oidc-key']);
  expect(second.changed).toEqual(['sign-on-oidc-key']);
});

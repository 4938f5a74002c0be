import { describe, expect, it } from 'vitest';
import { serverChecks, stateOf, userChecks } from '../../../src/users/plan/describe.ts';
import { answerOf, type User } from '../../../src/users/plan/requests.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const stack = (signOn: string, edge = '{ domains: [films.example.org] }') => {
  const file = `observability: off\ncomponents: { sign-on: true }\nedge: ${edge}\nsignOn: ${signOn}\n`;
  return rendered(stackOf(load({ flags: { profile: 'dev-compose' }, file })));
};
const fileOf = (signOn: string, name: string, edge?: string) => {
  const found = stack(signOn, edge).files.find(({ path }) => path === name);
  return found && JSON.parse(found.contents);
};

describe('a mail server', () => {
  it('is told to the container with its usual port, and its password is not', () => {
    const given = fileOf('{ mail: { host: smtp.example.org, from: a@example.org, user: u, password: hidden } }', 'sign-on/mail.json');
    expect(given).toMatchObject({
      host: 'smtp.example.org',
      connect: { port: 587 },
      tls: 'starttls',
      portal: 'https://films.example.org:8443/',
    });
    expect(JSON.stringify(given)).not.toContain('hidden');
    expect(fileOf('{ mail: { host: "2001:db8::7", tls: implicit, from: a@example.org } }', 'sign-on/mail.json')).toMatchObject({
      host: '2001:db8::7',
      connect: { port: 465 },
    });
    expect(
      stack('{ mail: { host: "2001:db8::7", from: a@example.org } }').files.find(({ path }) => path === 'sign-on-mail/haproxy.cfg')
        ?.contents,
    ).toContain('server outside [2001:db8::7]:587');
  });

  const MAIL = '{ mail: { host: smtp.example.org, from: a@example.org } }';
  it.each([
    ['{ domains: [localhost, films.example.org] }', 'https://films.example.org:8443/'],
    ['{ domains: ["127.0.0.1", shop.localhost, 192.168.1.5], address: 0.0.0.0 }', 'https://192.168.1.5:8443/'],
    ['{ domains: [localhost, films.example.org], publicPort: 443 }', 'https://films.example.org/'],
    // Published for this host alone: its own names are right there.
    ['{ address: [127.0.0.1, "::1"] }', 'https://localhost:8443/'],
  ])('with the edge %s sends links that begin with %s', (edge, portal) => {
    expect(fileOf(MAIL, 'sign-on/mail.json', edge)).toMatchObject({ portal });
  });

  it.each(['{ address: 0.0.0.0 }', '{ address: every, domains: [localhost, "::1"] }', '{ address: [127.0.0.1, 192.168.1.5] }'])(
    'sends no links that lead nowhere: %s',
    (edge) => {
      expect(() => stack(MAIL, edge)).toThrow('signOn.mail: links in mails would begin with localhost');
      expect(() => stack('{}', edge)).not.toThrow();
    },
  );

  it.each([
    ['{ mail: { host: smtp.example.org } }', 'signOn.mail.from'],
    ['{ mail: { host: smtp.example.org, from: a@example.org, user: u } }', 'signOn.mail.password'],
    ['{ mail: { host: localhost, from: a@example.org } }', 'signOn.mail.host'],
    ['{ mail: { host: "::1", from: a@example.org } }', 'signOn.mail.host'],
    ['{ mail: { host: smtp.example.org, from: "a@b@example.org" } }', 'signOn.mail.from'],
    ['{ mail: { host: smtp.example.org, from: nobody } }', 'signOn.mail.from'],
    ['{ mail: { host: smtp.example.org, from: a@example.org, resetMinutes: 2 } }', 'signOn.mail.resetMinutes'],
  ])('is not %s', (signOn, setting) => {
    expect(() => stack(signOn)).toThrow(setting);
  });
});

describe('an LDAP', () => {
  const BASE = 'baseDn: "dc=example,dc=org"';

  it('is reached on its usual port, by TLS in either way', () => {
    expect(fileOf(`{ ldap: { url: "ldaps://ldap.example.org", ${BASE} } }`, 'sign-on/ldap.json')).toMatchObject({
      connect: { port: 636 },
      tls: 'implicit',
    });
    const given = fileOf(
      `{ ldap: { url: "ldap://[2001:db8::7]", ${BASE}, bindDn: "cn=a,dc=b", bindPassword: hidden } }`,
      'sign-on/ldap.json',
    );
    expect(given).toMatchObject({ host: '2001:db8::7', connect: { port: 389 }, tls: 'starttls', bindDn: 'cn=a,dc=b' });
    expect(JSON.stringify(given)).not.toContain('hidden');
  });

  it.each([
    ['{ ldap: { url: "ldaps://ldap.example.org" } }', 'signOn.ldap.baseDn'],
    [`{ ldap: { url: "https://ldap.example.org", ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: "ldaps://u:p@ldap.example.org", ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: "ldaps://127.0.0.1", ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: 'ldaps://a"b.example.org', ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: "ldaps://\\tldap.example.org", ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: "ldaps://LOCALHOST", ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: "ldaps://$HOME", ${BASE} } }`, 'signOn.ldap.url'],
    [`{ ldap: { url: "ldaps://h.example.org", ${BASE}, bindDn: "cn=a,dc=b" } }`, 'signOn.ldap.bindPassword'],
    [`{ ldap: { url: "ldaps://h.example.org", ${BASE}, userFilter: "(uid=*)" } }`, 'signOn.ldap.userFilter'],
    [`{ ldap: { url: "ldaps://h.example.org", ${BASE}, userFilter: "(uid={login}))(" } }`, 'signOn.ldap.userFilter'],
    [`{ ldap: { url: "ldaps://h.example.org", ${BASE}, groups: { a: [everyone] } } }`, 'signOn.ldap.groups'],
  ])('is not %s', (signOn, setting) => {
    expect(() => stack(signOn)).toThrow(setting);
  });
});

describe('a provider', () => {
  const ONE = 'issuer: "https://login.example.org", clientId: m, clientSecret: hidden';

  it('is reached by the names that are given alone, and its secret is in no file', () => {
    const signOn = `{ providers: { b: { ${ONE} }, a: { issuer: "https://a.example.org:8443/x", clientId: m, clientSecret: s, hosts: [login.example.org, a.example.org] } } }`;
    const { files } = stack(signOn);
    const text = (name: string) => files.find(({ path }) => path === name)?.contents ?? '';
    expect(JSON.parse(text('sign-on/providers.json'))).toMatchObject({
      a: { hosts: ['a.example.org:8443', 'login.example.org', 'a.example.org'], label: 'a', hasSecret: true, hasCa: false },
      b: { hosts: ['login.example.org'] },
    });
    const way = text('sign-on-providers/haproxy.cfg');
    expect(way.match(/^ {2}server .*$/gm)?.map((line) => line.split(' ')[4])).toEqual([
      'login.example.org:443',
      'a.example.org:443',
      'a.example.org:8443',
    ]);
    expect(files.map(({ contents }) => contents).join()).not.toContain('hidden');
    expect(JSON.parse(text('sign-on/lmConf-1.json'))).toMatchObject({
      authentication: 'Custom',
      customAuth: 'Medianest::SignIn',
      userDB: 'DBI',
    });
  });

  it.each([
    ['{ providers: { a: { issuer: "https://login.example.org", clientId: m } } }', 'signOn.providers.a.clientSecret'],
    [`{ providers: { a: { ${ONE}, everyone: [member] } } }`, 'signOn.providers.a.allow'],
    [`{ providers: { a: { ${ONE}, scope: "profile email" } } }`, 'signOn.providers.a.scope'],
    [`{ providers: { a: { ${ONE}, hosts: ["10.0.0.7"] } } }`, 'signOn.providers.a.hosts'],
    [`{ providers: { a: { ${ONE}, hosts: ["x.example.org:99999"] } } }`, 'signOn.providers.a.hosts'],
    [`{ providers: { a: { ${ONE} }, b: { ${ONE} } } }`, 'signOn.providers'],
    [`{ providers: { "A b": { ${ONE} } } }`, 'signOn.providers'],
    ...[
      'http://login.example.org',
      'https://192.0.2.7',
      'https://[2001:db8::7]',
      'https://localhost:8443',
      'https://u@login.example.org',
      'https://login.example.org/?x',
      'https://LOGIN.example.org',
    ].map((issuer): [string, string] => [
      `{ providers: { a: { issuer: "${issuer}", clientId: m, clientSecret: s } } }`,
      'signOn.providers.a.issuer',
    ]),
  ])('is not %s', (signOn, setting) => {
    expect(() => stack(signOn)).toThrow(setting);
  });

  it('may be Plex, with no secret, and its people in one group', () => {
    const { files } = stack('{ plex: { server: 0123456789abcdef, roles: [guest] } }');
    const text = (name: string) => files.find(({ path }) => path === name)?.contents ?? '';
    expect(JSON.parse(text('sign-on/providers.json'))).toMatchObject({
      plex: { issuer: 'https://plex.tv', hosts: ['plex.tv'], groups: { friends: ['guest'] }, server: '0123456789abcdef', hasSecret: false },
    });
    expect(text('sign-on-providers/haproxy.cfg')).toContain('server outside plex.tv:443 ');
    for (const wrong of ['{ server: 0123456789abcdef, roles: [admin] }', '{ server: "http://192.0.2.7" }'])
      expect(() => stack(`{ plex: ${wrong} }`)).toThrow('signOn.plex');
    expect(() => stack(`{ plex: { server: 0123456789abcdef }, providers: { plex: { ${ONE} } } }`)).toThrow('signOn.providers.plex');
  });

  it('is named where a user comes by it', () => {
    const user = { login: 'a', name: 'A', email: '', groups: ['member'], factors: [], sessions: 0, version: 1 };
    expect([
      stateOf({ ...user, password: true, source: 'provider', providers: ['company'] }),
      stateOf({ ...user, password: true, source: 'provider', providers: ['company'], groups: [] }),
      stateOf({ ...user, password: true, providers: ['company'] }),
      stateOf({ ...user, password: false, providers: ['company'] }),
      stateOf({ ...user, password: false }),
    ]).toEqual(['ok, by company', 'has no role, by company', 'ok, by password or company', 'ok, by company', 'cannot sign in']);
  });
});

it('without them nothing leads outside', () => {
  const names = stack('{}').files.map(({ path }) => path);
  expect(names.filter((name) => /^sign-on-|mail\.json|ldap\.json|providers\.json/.test(name))).toEqual([]);
});

describe('health', () => {
  const now = new Date('2026-11-30T12:00:00Z');
  const checked = '2026-11-30T11:50:00Z';

  it('tells how the servers get on, and says nothing without them', () => {
    expect(serverChecks({}, now)).toEqual([]);
    expect(serverChecks({ mail: { checked, problem: null, waiting: 0 }, ldap: { checked, problem: null } }, now)).toMatchObject([
      { id: 'sign-on.mail', status: 'ok' },
      { id: 'sign-on.ldap', status: 'ok' },
    ]);
    expect(
      serverChecks({ providers: { company: { checked, problem: null }, plex: { checked, problem: 'it cannot be reached' } } }, now),
    ).toMatchObject([
      { id: 'sign-on.provider.company', status: 'ok' },
      {
        status: 'warn',
        message: 'sign-on: plex: it cannot be reached; sign-in by plex fails, and passwords work',
        remedy: expect.stringContaining('`signOn.plex`'),
      },
    ]);
    expect(
      serverChecks({ mail: { checked, problem: 'it is away', waiting: 2 }, ldap: { checked, problem: 'it is away' } }, now),
    ).toMatchObject([
      { status: 'warn', message: expect.stringContaining('it is away; 2 mails wait; no links') },
      { status: 'warn', message: expect.stringContaining('it is away; its users cannot sign in, and local users can') },
    ]);
  });

  it.each([{}, { checked: '2026-11-30T11:00:00Z', problem: null }, { checked: 'x' }])(
    'does not take what it cannot tell for an answer: %j',
    (state) => {
      const found = serverChecks({ mail: { ...state, waiting: 1 }, ldap: state }, now);
      expect(found).toMatchObject([
        { status: 'warn', message: expect.stringContaining('is not known; 1 mail waits') },
        { status: 'warn', message: expect.stringContaining('is not known') },
      ]);
    },
  );

  it('counts admins who can sign in while LDAP is away', () => {
    const user = (more: Partial<User>): User => ({
      ...{ login: 'a', name: 'A', email: '', groups: ['admin'], password: true, factors: ['totp'], sessions: 0, version: 1 },
      ...more,
    });
    expect(userChecks([user({ source: 'ldap' })])).toMatchObject([{ status: 'warn' }]);
    expect([stateOf(user({ source: 'ldap' })), stateOf(user({ source: 'ldap', groups: [] }))]).toEqual([
      'ok, by LDAP',
      'has no role, by LDAP',
    ]);
  });
});

it('a mail that was refused is told as such', () => {
  const output = '{"error":{"code":"MAIL_REFUSED","message":"the mail server is too slow"}}\n';
  expect(() => answerOf({ exitCode: 1, output })).toThrow(
    expect.objectContaining({ code: 'MAIL_REFUSED', message: 'the mail server is too slow' }),
  );
});

it.each(['prod', 'staging'])('all ways outside that settings ask for have an address of their own: %s', (profile) => {
  const file = `
components: { crowdsec: true, vpn: true, bastion: true, sign-on: true }
bans: { central: true }
logs: { store: victorialogs, url: "https://logs.example.org" }
traces: { endpoint: "http://192.0.2.6:4318" }
external: { plex: { url: "http://192.0.2.3:32400" }, overseerr: { url: "http://192.0.2.4:80" }, uptimeKuma: { url: "http://192.0.2.5:80" } }
edge: { domains: [media.example.org] }
app:
  egress: [api.example.org]
  portal:
    mail: { host: mail.example.org, from: a@example.org }
    ntfy: { url: "https://ntfy.example.org/", topic: films }
    webhook: { url: "https://hook.example.org/x" }
signOn:
  mail: { host: smtp.example.org, from: a@example.org }
  ldap: { url: "ldaps://ldap.example.org", baseDn: "dc=example,dc=org" }
  providers: { company: { issuer: "https://login.example.org", clientId: m, clientSecret: s } }
`;
  const ways = stackOf(load({ flags: { profile }, file })).services.filter(({ leadsTo }) => leadsTo);
  expect(ways.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'egress-mail',
      'egress-ntfy',
      'egress-webhook',
      'log-egress',
      'crowdsec-egress',
      'sign-on-mail',
      'sign-on-ldap',
      'sign-on-providers',
    ]),
  );
});

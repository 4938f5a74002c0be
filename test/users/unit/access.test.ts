import { describe, expect, it } from 'vitest';
import { accessOf, OPEN } from '../../../src/services/sign-on/settings/access.ts';
import { groupsFor } from '../../../src/services/sign-on/settings/roles.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

/** Whether a session may pass a condition, as the identity provider reads it: Perl, of which these conditions use what JavaScript has too. */
function passes(condition: string, roles: string, secondFactor = false): boolean {
  const script = condition.replaceAll('$roles =~ ', '').replaceAll(/\/\((?:[^/])*\//g, (expression) => `${expression}.test(roles)`);
  return Function(
    'roles',
    '_2f',
    `return Boolean(${script.replaceAll(' and ', ' && ').replaceAll('$_2f', '_2f')})`,
  )(roles, secondFactor ? 'totp' : '');
}

const files = (access: string) =>
  new Map(
    rendered(
      stackOf(load({ file: `components: { sign-on: true }\nedge: { access: ${access} }\n`, flags: { profile: 'dev-compose' } })),
    ).files.map(({ path, contents }) => [path, contents]),
  );

describe('a rule', () => {
  it.each([
    [['guest'], ['admin', 'operator', 'member', 'guest']],
    [['member'], ['admin', 'operator', 'member']],
    [
      ['operator', 'family'],
      ['admin', 'operator', 'family'],
    ],
    [['family'], ['family']],
    [
      ['admin', 'guest'],
      ['admin', 'operator', 'member', 'guest'],
    ],
  ])('for %j is kept by %j', (roles, groups) => {
    expect(groupsFor(roles)).toEqual(groups);
  });

  it('asks a session for its groups, and none is taken for another', () => {
    const { conditions } = accessOf([{ paths: ['/x'], roles: ['operator', 'family'], mfa: true }]);
    const rule = conditions['rule-1'] as string;
    expect(passes(rule, 'family', true)).toBe(true);
    expect(passes(rule, 'guest,operator', true)).toBe(true);
    expect(passes(rule, 'family')).toBe(false);
    for (const roles of ['', 'member', 'step-family', 'family-friends', 'operators,families'])
      expect(passes(rule, roles, true)).toBe(false);
  });

  it('that opens a path is no rule for the provider, and a dubious path needs all others', () => {
    const access = accessOf([
      { paths: ['/share/'], roles: ['everyone'], mfa: false },
      { paths: ['/admin'], roles: ['admin'], mfa: false },
      { paths: ['/photos'], roles: ['family'], mfa: true },
    ]);
    expect(access.paths.map((entry) => entry.access)).toEqual([OPEN, 'rule-2', 'rule-3']);
    expect(Object.keys(access.conditions)).toEqual(['rule-2', 'rule-3', 'other', 'all']);
    const all = access.conditions.all as string;
    expect(passes(all, 'admin,family', true)).toBe(true);
    for (const roles of ['admin', 'family', 'member']) expect(passes(all, roles, true)).toBe(false);
    expect(passes(all, 'admin,family')).toBe(false);
  });

  it('that asks for a second factor lets API tokens in where it says so, and a dubious path never where one rule does not', () => {
    const rules = (tokens?: boolean) => [
      { paths: ['/a'], roles: ['admin'], mfa: true, tokens },
      { paths: ['/b'], roles: ['family'], mfa: false },
      { paths: ['/c'], roles: ['guest'], mfa: false, tokens: false },
      { paths: ['/d'], roles: ['everyone'], mfa: false },
    ];
    expect(accessOf(rules()).tokens).toEqual({
      'rule-1': null,
      'rule-2': [['family']],
      'rule-3': null,
      other: [['admin', 'operator', 'member']],
      all: null,
    });
    expect(accessOf(rules(true)).tokens['rule-1']).toEqual([['admin']]);
    expect(accessOf(rules(true).slice(0, 2)).tokens.all).toEqual([['admin'], ['family'], ['admin', 'operator', 'member']]);
  });
});

describe('the edge', () => {
  it('removes what says who is there, also where sign-on is off, and has no part of sign-on then', () => {
    const without = files('none');
    for (const name of ['Remote-User', 'Remote-Name', 'Remote-Email', 'Remote-Groups', 'X-Medianest-Assertion'])
      expect(without.get('edge/forwarded.conf')).toContain(`proxy_set_header ${name} "";`);
    expect([...without.keys()].filter((name) => name.startsWith('edge/sign-on'))).toEqual([]);
    expect(without.get('edge/portal.conf')).not.toContain('sign-on');
    expect(files('[]').get('edge/portal.conf')).toContain('include sign-on-server.conf;');
  });

  it('has each location ask one question, and no path of the application without the sign-in', () => {
    for (const waf of ['"off"', 'block']) {
      const { files: all } = rendered(
        stackOf(
          load({ file: `components: { sign-on: true, cdn: true }\nedge: { waf: { mode: ${waf} } }\n`, flags: { profile: 'dev-compose' } }),
        ),
      );
      const text = all
        .filter(({ path }) => /^edge\/(?:portal|waf-server)\.conf$/.test(path))
        .map(({ contents }) => contents)
        .join('\n');
      const own = text
        .split(/^location /m)
        .filter((location) => /^ *auth_request \//m.test(location))
        .map((location) => location.split(' {')[0]);
      expect(own).toEqual(['@upload']);
    }
  });

  it('leaves the front page closed, and every answer of a path but one, whatever monitors ask for', () => {
    const open = (own: string) => {
      const stack = stackOf(
        load({
          file: `components: { sign-on: true }\napp: { ${own} }\nedge: { waf: { mode: block } }\n`,
          flags: { profile: 'dev-compose' },
        }),
      );
      const { neverClosed, openPaths, healthChecks } = stack.services.find(({ name }) => name === 'edge')?.view ?? {};
      return { neverClosed, openPaths, notLookedAt: (healthChecks as string[]).filter((each) => each.includes('GET')) };
    };
    expect(open('healthPath: /up, readyPath: /')).toEqual({ neverClosed: ['"/up"'], openPaths: ['/up'], notLookedAt: ['"~^GET\\ /up$"'] });
    expect(open('healthPath: "/?ping", readyPath: /ready')).toEqual({
      neverClosed: ['"/ready"'],
      openPaths: ['/ready'],
      notLookedAt: ['"~^GET\\ /ready$"'],
    });
    expect(open('healthPath: /index.php?do=ping, readyPath: /ready')).toEqual({
      neverClosed: ['"/ready"'],
      openPaths: ['/index.php', '/ready'],
      // The WAF leaves out this very request, and no other of the same path.
      notLookedAt: ['"~^GET\\ /index\\.php\\?do\\=ping$"', '"~^GET\\ /ready$"'],
    });
  });

  it('refuses names that would be open to strangers, and a stack without what it needs', () => {
    const stack = (file: string) => () => stackOf(load({ file, flags: { profile: 'dev-compose' } }));
    expect(stack('components: { sign-on: true, cdn: true }\ncdn: { host: static.example.org }\n')).toThrow('cdn.host gives static files');
    const clients = 'signOn: { clients: { films: { redirect: [https://films.example.org/] } } }';
    expect(stack(`components: { sign-on: true }\nedge: { access: none }\n${clients}\n`)).toThrow('edge.access: none leaves it out');
    expect(stack('components: { sign-on: true, edge: false }\n')).toThrow('sign-on needs edge');
    expect(stack('components: { sign-on: true, postgres: false }\n')).toThrow('sign-on needs postgres');
  });
});

describe('edge.access', () => {
  const refused = (access: string) => () => load({ file: `edge: { access: ${access} }\n`, flags: { profile: 'dev-compose' } });
  it.each([
    ['[{ paths: ["/a b"], roles: [member] }]', 'should be a path'],
    ['[{ paths: [/a], roles: [] }]', 'edge.access'],
    ['[{ paths: [/a], roles: ["a|.*"] }]', 'should be one of admin'],
    ['[{ paths: [/a], roles: [everyone, admin] }]', 'everyone stands alone'],
    ['[{ paths: [/a], roles: [everyone], mfa: true }]', 'no second factor'],
    ['all', 'should be `none`'],
  ])('%s is refused', (access, why) => {
    expect(refused(access)).toThrow(why);
  });
});

import { expect, test } from 'vitest';
import { accessOf } from '../../../src/services/sign-on/settings/access.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const ON = 'profile: staging\nedge: { pages: true, domains: [media.example.org] }\n';
const filesOf = (file: string) =>
  Object.fromEntries(rendered(stackOf(load({ file }))).files.map(({ path, contents }) => [path, contents] as const));

test.each([
  ['sign-on is off', 'profile: staging\nedge: { pages: true }\ncomponents: { sign-on: false }\n'],
  ['everyone comes in', 'profile: staging\nedge: { pages: true, access: none }\n'],
  ['the profile has no sign-in', 'profile: dev-compose\nedge: { pages: true }\n'],
])('are refused where %s', (_why, file) => {
  expect(() => stackOf(load({ file }))).toThrow(/edge.pages: these pages are for operators/);
});

test('need an operator with a second factor, whatever edge.access says, and no token will do', () => {
  const everyone = [{ paths: ['/'], roles: ['everyone'], mfa: false }];
  const { paths, conditions, tokens } = accessOf(everyone, true);
  expect(paths[0]).toEqual({ paths: ['/auth/pages/'], access: 'pages' });
  expect([conditions.pages, tokens.pages]).toEqual(['$roles =~ /(?:^|,)(?:admin|operator)(?:,|$)/ and $_2f', null]);
  // Members keep what they may see by addresses that are written in a doubtful way.
  expect(conditions.all).toBe(accessOf(everyone).conditions.all);
  expect(accessOf(everyone)).not.toHaveProperty('conditions.pages');
});

test('are given nothing of who asks, and no way to change anything', () => {
  const files = filesOf(ON);
  const locations = files['edge/tool-pages.conf']?.split('\nlocation ').slice(1) ?? [];
  expect(locations.map((text) => text.split(' {')[0])).toEqual([
    '^~ /auth/pages/',
    '= /auth/pages/',
    '^~ /auth/pages/prometheus/',
    '^~ /auth/pages/balancer/',
    '^~ /auth/pages/edge/',
  ]);
  for (const text of locations.slice(1)) expect(text).toContain('if ($access != pages) {\n    return 404;');
  for (const text of locations.slice(2)) expect(text).toContain('if ($request_method !~ "^(GET|HEAD)$") {\n    return 405;');
  for (const text of locations.slice(2, 4))
    expect(text).toMatch(/proxy_set_header Cookie "";\n {2}proxy_set_header Authorization "";\n {2}proxy_pass http:/);
  expect(files['edge/tool-pages.conf']).not.toContain('auth_request');
  expect(files['edge/tool-pages.html']).toMatch(/^<!doctype html>/);
  expect(files['balancer/haproxy.cfg']).toMatch(/src 10\.30\.\d+\.80|src 10\.0\.\d+\.80/);
  expect(files['balancer/haproxy.cfg']).not.toContain('stats admin');
  expect(files['compose.yml']).toContain('--web.external-url=https://media.example.org:8443/auth/pages/prometheus/');
});

test('are those of what runs', () => {
  const named = (file: string) => [...(filesOf(file)['edge/tool-pages.html'] ?? '').matchAll(/href="(\w+)\/"/g)].map(([, name]) => name);
  expect(named(ON)).toEqual(['prometheus', 'balancer', 'edge']);
  expect(named(`${ON}components: { balancer: false }\n`)).toEqual(['prometheus', 'edge']);
  expect(named(`${ON}components: { prometheus: false }\n`)).toEqual(['balancer', 'edge']);
  expect(named(`${ON}observability: off\n`)).toEqual(['edge']);
});

test('leave no trace where nobody has asked for them', () => {
  const files = filesOf('profile: staging\n');
  expect(Object.keys(files).filter((path) => path.includes('tool-pages'))).toEqual([]);
  expect(JSON.stringify(files)).not.toContain('/auth/pages/');
});

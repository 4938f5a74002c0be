import { expect, test } from 'vitest';
import { registry } from '../../../src/services/index.ts';
import { accessOf } from '../../../src/services/sign-on/settings/access.ts';
import type { Loaded } from '../../../src/settings/loaded.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const ON = 'profile: staging\nedge: { pages: true, domains: [media.example.org] }\n';
const filesOf = (file: string) =>
  Object.fromEntries(rendered(stackOf(load({ file }))).files.map(({ path, contents }) => [path, contents] as const));
const leavingOut = ({ settings }: Loaded, refs: ReadonlySet<string>): Stack =>
  buildStack(settings, registry, {
    version: '0.0.0',
    overrides: {},
    subnets: SUBNETS,
    sourceHash: () => 'fixed',
    engineSocket: { path: '/var/run/docker.sock', gid: 999 },
    absence: { refs, running: {} },
  });

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
  const all = files['edge/tool-pages.conf']?.split('\nlocation ').slice(1) ?? [];
  const locations = all.filter((text) => !text.includes('return 308'));
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

const FULL = 'profile: staging\nobservability: full\nedge: { pages: true, domains: [media.example.org] }\n';

/** Sections of Grafana's conf/defaults.ini that the page needs, with all their keys. */
const GRAFANA_KEYS: Record<string, readonly string[]> = {
  server:
    'protocol http_addr http_port domain enforce_domain root_url serve_from_sub_path router_logging static_root_path enable_gzip cert_file cert_key socket_gid socket_mode socket cdn_url read_timeout'.split(
      ' ',
    ),
  'auth.proxy': 'enabled header_name header_property auto_sign_up sync_ttl whitelist headers headers_encoded enable_login_token'.split(' '),
  live: 'max_connections allowed_origins ha_engine ha_engine_address'.split(' '),
};

test('are those of observability: full that run, too', () => {
  const stack = stackOf(load({ file: FULL }));
  const named = (built: Stack) =>
    ((built.services.find(({ name }) => name === 'edge')?.view.toolPages ?? []) as { name: string }[]).map(({ name }) => name);
  expect(named(stack)).toEqual(['prometheus', 'balancer', 'edge', 'grafana', 'kibana', 'jaeger']);
  const without = (...images: string[]) => {
    const refs = new Set(stack.services.filter(({ name }) => images.includes(name)).map(({ image }) => image.ref));
    return named(leavingOut(load({ file: FULL }), refs));
  };
  expect(without('grafana', 'jaeger')).toEqual(['prometheus', 'balancer', 'edge', 'kibana']);
  expect(without('elasticsearch')).toEqual(['prometheus', 'balancer', 'edge', 'grafana', 'jaeger']);
  expect(named(stackOf(load({ file: `${FULL}components: { elasticsearch: false, jaeger: false }\n` })))).toEqual([
    ...['prometheus', 'balancer', 'edge', 'grafana'],
  ]);
});

test('that act refuse what comes from elsewhere, and are told no more than they need', () => {
  const files = filesOf(FULL);
  const locations = files['edge/tool-pages.conf']?.split('\nlocation ').slice(1) ?? [];
  for (const name of ['grafana', 'kibana', 'jaeger']) {
    const text = locations.find((location) => location.startsWith(`^~ /auth/pages/${name}/ {`)) ?? '';
    expect(text).toContain('if ($access != pages) {\n    return 404;');
    expect(text).toContain('if ($asked_from_elsewhere) {\n    return 403;');
    expect(text).toContain('proxy_set_header Authorization "";');
    expect(text).toContain(`proxy_set_header Cookie ${name === 'kibana' ? '$kibana_cookie' : '""'};`);
    expect(text.includes('$signed_user')).toBe(name === 'grafana');
    // The path as it was sent: these programs have it themselves.
    expect(text).toMatch(/proxy_pass http:\/\/10\.30\.\d+\.9\d:\d+;/);
  }
});

test('are where the programs themselves say that they are', () => {
  const files = filesOf(FULL);
  const ini = files['grafana/grafana.ini'] ?? '';
  const keys: Record<string, string[]> = {};
  for (const part of ini.split(/^\[/m).slice(1)) {
    const [name = ''] = part.split(']');
    keys[name] = [...part.matchAll(/^(\w+) = /gm)].map(([, key]) => key as string);
  }
  for (const [section, known] of Object.entries(GRAFANA_KEYS)) {
    expect(keys[section]?.length).toBeGreaterThan(0);
    expect(keys[section]?.filter((key) => !known.includes(key))).toEqual([]);
  }
  expect(ini).toMatch(/^root_url = https:\/\/media\.example\.org:8443\/auth\/pages\/grafana\/$/m);
  expect(ini).toMatch(/^whitelist = 10\.30\.\d+\.10$/m);
  expect(files['kibana/kibana.yml']).toContain(`server.basePath: "/auth/pages/kibana"
server.rewriteBasePath: true
server.publicBaseUrl: "https://media.example.org:8443/auth/pages/kibana"
`);
  expect(files['kibana/import.sh']).toMatch(/^url=http:\/\/[\d.]+:5601\/auth\/pages\/kibana$/m);
  expect(files['jaeger/jaeger.yml']).toContain('    base_path: "/auth/pages/jaeger"\n');
  expect(files['grafana/provisioning/datasources/medianest.yml']).toMatch(/url: "http:\/\/[\d.]+:16686\/auth\/pages\/jaeger"/);
  const compose = files['compose.yml'] ?? '';
  for (const path of ['3000/auth/pages/grafana/api/health', '5601/auth/pages/kibana/api/status']) expect(compose).toContain(path);
});

test('are named with their path to people who come by the VPN', () => {
  const stack = stackOf(load({ file: `${FULL}components: { vpn: true }\n` }));
  const [note] = stack.services.find(({ name }) => name === 'vpn')?.notes ?? [];
  expect(note).toMatch(
    /kibana \([\d.]+:5601\/auth\/pages\/kibana\), jaeger \([\d.]+:16686\/auth\/pages\/jaeger\), grafana \([\d.]+:3000\/auth\/pages\/grafana\)/,
  );
});

test('take what their programs ask for as no attempts to sign in, which are few in a minute and end in a ban', () => {
  const counted = (file: string) => {
    const [, pattern = ''] = /^ {2}~(\^\/auth\/.*) 1;$/m.exec(filesOf(file)['edge/limits.conf'] ?? '') ?? [];
    return ['', '2fregisters/totp', 'pages/grafana/api/ds/query', 'oauth2/token', 'pages', 'xpages/'].filter((path) =>
      new RegExp(pattern).test(`/auth/${path}`),
    );
  };
  expect(counted(FULL)).toEqual(['', 'oauth2/token', 'pages', 'xpages/']);
  // Without them the identity provider itself gets these.
  expect(counted('profile: staging\n')).toEqual(['', 'pages/grafana/api/ds/query', 'oauth2/token', 'pages', 'xpages/']);
});

test('leave no trace where nobody has asked for them', () => {
  const files = filesOf('profile: staging\nobservability: full\n');
  expect(Object.keys(files).filter((path) => path.includes('tool-pages'))).toEqual([]);
  expect(JSON.stringify(files)).not.toContain('/auth/pages/');
});

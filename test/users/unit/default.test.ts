import { expect, test } from 'vitest';
import { settingsAdvice } from '../../../src/reconcile/plan/settings-advice.ts';
import { startsToAsk } from '../../../src/users/plan/describe.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const MANIFEST = '.medianest/current/manifest.json';
const SECRETS = '.medianest/secrets.json';
const manifest = (profile: string) => JSON.stringify({ version: 1, id: 'x', profile, services: [], files: [], configs: {} });
const kept = (origin: string, names: readonly string[]) =>
  JSON.stringify({ fingerprintKey: 'k', values: Object.fromEntries(names.map((name) => [name, { value: 'v', origin }])) });
const secrets = (...names: string[]) => kept('generated', names);

const seen = (file: string, files: Record<string, string> = {}) => {
  const loaded = load({ file, files });
  const told = settingsAdvice(loaded, { read: new Set(['components.sign-on']), networks: [], hasCertificates: true, registry: [] });
  const names = stackOf(loaded).services.map(({ name }) => name);
  return { on: names.includes('sign-on'), told: told.join('\n'), by: loaded.origins.get('components.sign-on')?.origin };
};

test.each(['prod', 'staging'])('a new stack of %s asks its visitors to sign in', (profile) => {
  expect(seen(`profile: ${profile}\n`)).toEqual({ on: true, told: '', by: 'profiles/prod.yml' });
});

test.each(['dev', 'dev-compose'])('%s does not', (profile) => {
  expect(seen(`profile: ${profile}\n`)).toMatchObject({ on: false, told: '' });
});

test.each([
  ['cdn.host', 'cdn: { host: files.example.org }\n', /cdn.host gives static files to everybody/],
  [
    'components.patroni',
    'components: { patroni: false, db-router: false, app: false, balancer: false, backup: false }\n',
    /no database for its users/,
  ],
  [
    'services.api.paths',
    'services: { api: { port: 4000, image: "example.org/backend:1", paths: [/auth/v1] } }\n',
    /services.api has the path \/auth/,
  ],
])('settings that are good without it stay good: %s leaves it off, and says so', (by, file, why) => {
  expect(seen(`profile: prod\n${file}`)).toEqual({ on: false, told: expect.stringMatching(why), by });
});

test.each([
  ['edge.access', 'edge: { access: none }\n'],
  ['components.edge', 'components: { edge: false, cdn: false }\n'],
])('where it would have nothing to do it is off without a word: %s', (by, file) => {
  expect(seen(`profile: prod\n${file}`)).toEqual({ on: false, told: '', by });
});

test('who has asked for it hears of a conflict instead', () => {
  expect(() => seen('profile: prod\ncomponents: { sign-on: true }\ncdn: { host: files.example.org }\n')).toThrow(
    /cdn.host gives static files/,
  );
  const files = { 'profiles/mine.yml': 'extends: prod\ndescription: mine\ncomponents: { sign-on: true }\n' };
  expect(() => seen('profile: mine\ncdn: { host: files.example.org }\n', files)).toThrow(/cdn.host gives static files/);
});

test('a profile of one’s own that says nothing has the default', () => {
  const files = { 'profiles/mine.yml': 'extends: staging\ndescription: mine\n' };
  expect(seen('profile: mine\n', files)).toMatchObject({ on: true, told: '' });
  expect(seen('profile: mine\ncdn: { host: files.example.org }\n', files)).toMatchObject({
    on: false,
    told: expect.stringContaining('which the profile mine has, stays off'),
  });
});

test('a stack that has run without it keeps running without it until the operator decides', () => {
  const ran = { [MANIFEST]: manifest('prod'), [SECRETS]: secrets('database-password') };
  const stays = seen('profile: prod\n', ran);
  expect(stays).toMatchObject({ on: false, by: 'the state folder' });
  expect(stays.told).toMatch(/has run without it.*`components: \{ sign-on: true \}`.*`components: \{ sign-on: false \}` keeps it as it is/);
  expect(seen('profile: prod\ncomponents: { sign-on: true }\n', ran)).toMatchObject({ on: true, told: '' });
  expect(seen('profile: prod\ncomponents: { sign-on: false }\n', ran)).toMatchObject({ on: false, told: '' });
  // As the recovery kit brings it to a bare host.
  expect(seen('profile: prod\n', { [SECRETS]: secrets('database-password') })).toMatchObject({ on: false, by: 'the state folder' });
});

test('one that had it before, or that was of another profile, has it', () => {
  const had = { [MANIFEST]: manifest('prod'), [SECRETS]: secrets('database-password', 'sign-on-engine-key') };
  expect(seen('profile: prod\n', had)).toMatchObject({ on: true, told: '' });
  const moved = { [MANIFEST]: manifest('dev-compose'), [SECRETS]: secrets('database-password') };
  expect(seen('profile: prod\n', moved)).toMatchObject({ on: true, told: '' });
});

test('keys that a command has made before the first `up` are not taken for a stack that ran', () => {
  const keys = kept('given', ['vpn-openvpn-authority', 'vpn-openvpn']);
  expect(seen('profile: prod\n', { [SECRETS]: keys })).toMatchObject({ on: true, told: '' });
  // Nor with the files of a first `up` that was killed before it made secrets.
  expect(seen('profile: prod\n', { [MANIFEST]: manifest('prod'), [SECRETS]: keys })).toMatchObject({ on: true, told: '' });
});

test('what is damaged does not open a stack to visitors, and stops no command that only looks: `up` refuses it where it needs it', () => {
  // test/secrets/cli/damaged-secrets.test.ts has the commands.
  for (const text of ['{"values":', 'null', '[]', '{"values":null}', '{"values":{"x":null}}'])
    expect(seen('project: x\nprofile: prod\n', { [SECRETS]: text })).toMatchObject({ on: true });
  expect(seen('project: x\nprofile: prod\n', { [SECRETS]: secrets('x'), [MANIFEST]: '{' })).toMatchObject({ on: true });
  // Nor is it looked at where it decides nothing.
  expect(seen('project: x\nprofile: prod\ncomponents: { sign-on: true }\n', { [SECRETS]: '{' })).toMatchObject({ on: true });
});

test('a stack that runs is told before its visitors have to sign in', () => {
  const [one, both] = [[{ name: 'edge' }], [{ name: 'edge' }, { name: 'sign-on' }]];
  expect(startsToAsk(undefined, both, 'prod')).toEqual([]);
  expect(startsToAsk(both, both, 'prod')).toEqual([]);
  expect(startsToAsk(one, one, 'prod')).toEqual([]);
  expect(startsToAsk(one, both, 'prod')).toEqual([expect.stringMatching(/visitors sign in from now on.*users token add/)]);
});

test.each([
  ['/', 'true', true],
  ['/index.php?ping', 'true', true],
  ['/api/health', 'true', false],
  ['/', 'false', false],
])('Prometheus asks the edge for %s, with sign-on %s: whether it is asked to sign in is %s', (healthPath, on, closed) => {
  const file = `profile: staging\ncomponents: { sign-on: ${on} }\napp: { healthPath: "${healthPath}" }\n`;
  const { files } = rendered(stackOf(load({ file })));
  const text = (name: string) => files.find(({ path }) => path === name)?.contents ?? '';
  expect([text('prometheus/prometheus.yml').includes('internal-closed'), text('blackbox-exporter/blackbox.yml').includes('401')]).toEqual([
    closed,
    closed,
  ]);
  expect(text('prometheus/prometheus.yml')).toMatch(/"__param_module":"internal/);
});

import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { Secret } from '../../../src/core/secret.ts';
import { didYouMean } from '../../../src/core/suggest.ts';
import { registry } from '../../../src/services/index.ts';
import { variableName } from '../../../src/settings/environment.ts';
import { flattenSettings, withoutPasswords } from '../../../src/settings/flatten.ts';
import { leaves, settingsSchema } from '../../../src/settings/schema.ts';
import { type LoadOptions, load } from '../../support/settings.ts';

const problem = (options: LoadOptions): UserError => {
  try {
    load(options);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
};

const edge = (options: LoadOptions) => load(options).settings.edge as { httpsPort: number };

describe('merge order', () => {
  const profile = {
    'profiles/a.yml': 'edge: { httpsPort: 1001 }\ncomponents: { edge: true }\n',
    'profiles/b.yml': 'extends: a\n',
    'profiles/c.yml': 'extends: b\nedge: { httpPort: 9 }\n',
  };
  const file = 'profile: c\nedge: { httpsPort: 1002 }\n';

  it('takes a setting from the most general profile of a chain of three', () => {
    expect(edge({ files: profile, flags: { profile: 'c' } }).httpsPort).toBe(1001);
  });
  it('lets the file win over profiles, the environment over the file, and a flag over all', () => {
    const env = { MEDIANEST_EDGE_HTTPS_PORT: '1003' };
    expect(edge({ file, files: profile }).httpsPort).toBe(1002);
    expect(edge({ file, files: profile, env }).httpsPort).toBe(1003);
    expect(edge({ file, files: profile, env, flags: { set: ['edge.httpsPort=1004'] } }).httpsPort).toBe(1004);
  });
  it('knows the origin of each value, with its line', () => {
    const loaded = load({ file, files: profile, env: { MEDIANEST_EDGE_HSTS: 'true' }, flags: { without: 'redis' } });
    const origin = Object.fromEntries(flattenSettings(loaded.settings, loaded.origins).map((entry) => [entry.path, entry.origin]));
    expect(origin).toMatchObject({
      'edge.httpsPort': 'medianest.yml:2',
      'edge.httpPort': 'profiles/c.yml:2',
      'components.edge': 'profiles/a.yml:2',
      'edge.hsts': '$MEDIANEST_EDGE_HSTS',
      'components.redis': '--without',
      'edge.memory': 'default',
    });
  });
  it('replaces lists whole', () => {
    expect(load({ file: 'edge: { domains: [a.example] }', flags: { set: ['edge.domains=[b.example]'] } }).settings.edge).toMatchObject({
      domains: ['b.example'],
    });
  });
  it('offers every setting as an environment variable, each under a name of its own', () => {
    const names = leaves(settingsSchema(registry)).map((leaf) => variableName(leaf.path));
    expect(names).toContain('MEDIANEST_ALL_IN_ONE_PORT');
    expect(new Set(names).size).toBe(names.length);
  });
  it('takes the base image from MEDIANEST_BASE_IMAGE', () => {
    expect(load({ env: { MEDIANEST_BASE_IMAGE: 'mirror/debian:13' } }).settings.images).toEqual({ base: 'mirror/debian:13' });
  });
});

describe('refused settings', () => {
  const cases: [name: string, options: LoadOptions, code: string, message: RegExp][] = [
    [
      'a mistyped key',
      { file: 'version: 1\nedge:\n  httpPrt: 1\n' },
      'INVALID_SETTINGS',
      /medianest\.yml:3: edge\.httpPrt: is not a setting; did you mean `httpPort`/,
    ],
    ['a mistyped top-level key', { file: 'egde: {}\n' }, 'INVALID_SETTINGS', /medianest\.yml:1: egde: .*`edge`/],
    [
      'a mistyped key in a profile',
      { files: { 'profiles/x.yml': 'app:\n  portt: 1\n' }, flags: { profile: 'x' } },
      'INVALID_SETTINGS',
      /profiles\/x\.yml:2: app\.portt/,
    ],
    ['a wrong type', { file: 'edge:\n  httpPort: many\n' }, 'INVALID_SETTINGS', /medianest\.yml:2: edge\.httpPort: should be/],
    ['a port out of range', { flags: { set: ['edge.httpPort=70000'] } }, 'INVALID_SETTINGS', /edge\.httpPort/],
    ['no replica', { file: 'app: { replicas: 0 }' }, 'INVALID_SETTINGS', /app\.replicas: should be at least 1/],
    ['a size in words', { file: 'app: { memory: plenty }' }, 'INVALID_SETTINGS', /app\.memory: should be a size/],
    [
      'a host name with a space',
      { file: 'edge: { domains: ["a b; return 200"] }' },
      'INVALID_SETTINGS',
      /edge\.domains\.0: should be a lower-case host name/,
    ],
    [
      'a subnet that is none',
      { file: 'networks: { db: { subnet: 10.0.0.1/16 } }' },
      'INVALID_SETTINGS',
      /networks\.db\.subnet: is not the start of a range: write 10\.0\.0\.0\/16/,
    ],
    [
      'a component that does not exist',
      { file: 'components:\n  kibanna: true\n' },
      'INVALID_SETTINGS',
      /medianest\.yml:2: components\.kibanna/,
    ],
    ['a newer version', { file: 'version: 4\n' }, 'INVALID_SETTINGS', /version/],
    ['bad YAML', { file: 'edge:\n  httpPort: [1\nx: 2\n' }, 'BAD_YAML', /medianest\.yml:\d+:\d+: /],
    ['a key given twice', { file: 'project: a\nproject: b\n' }, 'BAD_YAML', /medianest\.yml:2:1: .*unique/],
    ['a list', { file: '- a\n' }, 'BAD_YAML', /medianest\.yml:1:1/],
    [
      'an alias bomb',
      {
        file: `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefgh'].map((k, i) => `${k}: &${k} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`).join('\n')}\n`,
      },
      'BAD_YAML',
      /alias/,
    ],
    ['an unknown profile', { flags: { profile: 'dev-compos' } }, 'UNKNOWN_PROFILE', /did you mean `dev-compose`/],
    ['a profile that is a path', { flags: { profile: '../../etc/passwd' } }, 'UNKNOWN_PROFILE', /no profile/],
    [
      'a circle of profiles',
      { files: { 'profiles/x.yml': 'extends: y\n', 'profiles/y.yml': 'extends: x\n' }, flags: { profile: 'x' } },
      'PROFILE_CYCLE',
      /x -> y -> x/,
    ],
    ['an assignment without a value', { flags: { set: ['edge'] } }, 'USAGE', /KEY=VALUE/],
    ['the profile dr', { flags: { profile: 'dr' } }, 'NOT_BUILT_YET', /needs standby, which is not built yet/],
  ];
  it.each(cases)('%s', (_name, options, code, message) => {
    const error = problem(options);
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)]);
    expect(error.hint).not.toBe('');
  });

  it('answers shortly to ten thousand unknown keys', () => {
    const { message } = problem({ file: Array.from({ length: 10_000 }, (_, i) => `key${i}: 1`).join('\n') });
    expect(message.length).toBeLessThan(3000);
  });
  it('refuses a file of 5 MB before it parses it', () => {
    expect(problem({ file: `app: { env: { A: ${'x'.repeat(5_000_000)} } }` }).code).toBe('BAD_YAML');
  });
  it('treats __proto__ and constructor as plain unknown keys', () => {
    expect(problem({ file: '__proto__: { polluted: true }\nconstructor: 1\n' }).code).toBe('INVALID_SETTINGS');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('secrets', () => {
  const password = (options: LoadOptions) => (load(options).settings.postgres as { password: { reveal(): string } }).password;

  it.each([
    ['itself', { file: 'postgres: { password: "a b" }' }, 'a b'],
    ['the environment', { file: 'postgres: { password: "${PW}" }', env: { PW: 'q"\'$X\n#é🦊' } }, 'q"\'$X\n#é🦊'],
    ['a file, less one line end', { file: 'postgres: { password: "file:pw" }', files: { pw: 'two\n\n' } }, 'two\n'],
    ['a value that only looks like a reference', { file: 'postgres: { password: "a${PW}" }' }, 'a${PW}'],
  ])('come from %s', (_name, options, expected) => {
    expect(password(options).reveal()).toBe(expected);
  });
  it.each([
    ['a variable that is not set', { file: 'postgres: { password: "${NO}" }' }, /has no NO/],
    [
      'a variable with a default',
      { file: 'postgres: { password: "${PW:-planted}" }', env: { PW: 'x' } },
      /what follows PW in \$\{...\} is not understood/,
    ],
    ['a variable that has to be set', { file: 'postgres: { password: "${PW:?planted}" }', env: { PW: 'x' } }, /is not understood/],
    ['a file that is not there', { file: 'postgres: { password: "file:no" }' }, /cannot be read/],
    ['an empty value', { file: 'postgres: { password: "" }' }, /empty/],
    ['a NUL byte', { file: 'postgres: { password: "a\\0b" }' }, /NUL/],
  ])('are refused: %s', (_name, options, message) => {
    const error = problem(options);
    expect([error.code, error.message]).toEqual(['SECRET_UNRESOLVED', expect.stringMatching(message)]);
    expect(error.message).not.toContain('planted');
  });
  it('are the only settings that take a variable, and others say so', () => {
    for (const file of ['edge: { httpsPort: "${PORT:-443}" }', 'project: "${NAME}"'])
      expect(problem({ file }).message).toMatch(/should .*; only secrets take \$\{NAME\} from the environment/);
  });
  it('are left out of the addresses that settings name, where these are shown', () => {
    const shown = withoutPasswords({
      url: 'http://maria:p@ss:w0rd@plex.example:32400/x?y=a:b@c',
      hooks: ['./notify', '--to=smtp://u:s3cret@mail'],
      token: 'https://user@host',
      plain: 'http://host:80/a:b@c',
      password: new Secret('planted'),
      port: 1,
    });
    expect(shown).toMatchObject({
      url: 'http://maria:***@plex.example:32400/x?y=a:b@c',
      hooks: ['./notify', '--to=smtp://u:***@mail'],
      token: 'https://user@host',
      plain: 'http://host:80/a:b@c',
      port: 1,
    });
    expect(String(shown.password)).toBe('[redacted]');
  });
  it('are redacted wherever they are printed', () => {
    const { settings, origins } = load({ file: 'postgres: { password: planted }\nexternal: { plex: { token: planted } }' });
    expect(JSON.stringify(settings) + inspect(settings, { depth: 9 }) + JSON.stringify(flattenSettings(settings, origins))).not.toContain(
      'planted',
    );
    expect(`${password({ file: 'postgres: { password: planted }' })}`).toBe('[redacted]');
  });
});

it('suggests only what is near', () => {
  expect(didYouMean('potgres', ['postgres', 'redis'])).toBe('did you mean `postgres`?');
  expect(didYouMean('zzzzzz', ['postgres', 'redis'])).toBe('known here: postgres, redis');
});

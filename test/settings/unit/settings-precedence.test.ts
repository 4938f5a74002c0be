import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Secret } from '../../../src/core/secret.ts';
import { listProfiles } from '../../../src/project/load-settings.ts';
import { registry } from '../../../src/services/index.ts';
import { flattenSettings } from '../../../src/settings/flatten.ts';
import { HOME } from '../../support/cli.ts';
import { type LoadOptions, load } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const password = (options: LoadOptions) => (load(options).settings.postgres as { password: Secret }).password.reveal();
const origins = (options: LoadOptions) => {
  const { settings, origins: found } = load(options);
  return Object.fromEntries(flattenSettings(settings, found).map((entry) => [entry.path, entry.origin]));
};

describe('a secret given as a variable or a flag', () => {
  it.each(['*alias', '&x', '12345', 'true', 'a: b', 'p#q', '"quoted"', '{x', 'zwei\nzeilen\n', ' spaces ', '~', 'é🦊'])(
    'arrives byte for byte: %j',
    (value) => {
      expect(password({ env: { MEDIANEST_POSTGRES_PASSWORD: value } })).toBe(value);
      expect(password({ flags: { set: [`postgres.password=${value}`] } })).toBe(value);
    },
  );
  it('may still be a reference', () => {
    expect(password({ env: { MEDIANEST_POSTGRES_PASSWORD: '${OTHER}', OTHER: 'x=y' } })).toBe('x=y');
  });
});

describe('a reference', () => {
  const refused = (options: LoadOptions) => () => load(options);
  it.each([
    ['to what every object inherits', { file: 'postgres: { password: "${constructor}" }' }, /has no constructor/],
    ['to no file at all', { file: 'postgres: { password: "file:" }' }, /cannot be read/],
    ['to a folder', { file: 'postgres: { password: "file:." }' }, /cannot be read/],
  ])('%s is refused', (_name, options, message) => {
    expect(refused(options)).toThrow(message);
  });
  it('to a file that is not UTF-8 is refused, because it would arrive as something else', () => {
    const dir = temporaryFolder('latin');
    writeFileSync(path.join(dir, 'pw'), Buffer.from([0x70, 0xe9, 0x71]));
    expect(refused({ file: `postgres: { password: "file:${dir}/pw" }` })).toThrow(/not valid UTF-8/);
  });
  it('keeps a line end of a variable, and takes one Windows line end from a file', () => {
    expect(password({ file: 'postgres: { password: "${PW}" }', env: { PW: 'x\n' } })).toBe('x\n');
    expect(password({ file: 'postgres: { password: "file:pw" }', files: { pw: 'x\r\n' } })).toBe('x');
  });
});

describe('precedence', () => {
  it('lets --set win over the variable of the same setting, project and profile included', () => {
    const env = { MEDIANEST_PROJECT: 'from-env', MEDIANEST_PROFILE: 'dev' };
    const { settings } = load({ env, flags: { set: ['project=from-flag', 'profile=dev-compose'] } });
    expect([settings.project, settings.profile]).toEqual(['from-flag', 'dev-compose']);
  });
  it('tells where the profile was chosen', () => {
    expect(origins({}).profile).toBe('default');
    expect(origins({ file: 'version: 1\nprofile: dev\n' }).profile).toBe('medianest.yml:2');
    expect(origins({ env: { MEDIANEST_PROFILE: 'dev' } }).profile).toBe('$MEDIANEST_PROFILE');
    expect(origins({ flags: { profile: 'dev' } }).profile).toBe('--profile');
  });
  it('ignores empty variables', () => {
    expect(load({ env: { MEDIANEST_PROJECT: '', MEDIANEST_EDGE_HTTP_PORT: '' } }).settings.project).toBe('medianest');
  });
  it('takes a later --set before an earlier one, and a value with an equals sign whole', () => {
    const { settings } = load({ flags: { set: ['app.source=a', 'app.source=./b=c'] } });
    expect((settings.app as { source: string }).source).toBe('./b=c');
  });
});

describe('an IPv6 address', () => {
  const address = (options: LoadOptions) => (load(options).settings.edge as { address: unknown }).address;
  it.each([
    ['--set', { flags: { set: ['edge.address=::'] } }, '::'],
    ['--set, of one interface', { flags: { set: ['edge.address=2001:db8::7'] } }, '2001:db8::7'],
    ['a variable', { env: { MEDIANEST_EDGE_ADDRESS: '::1' } }, '::1'],
    ['a list', { flags: { set: ['edge.address=["0.0.0.0", "::"]'] } }, ['0.0.0.0', '::']],
    ['the file, quoted', { file: 'edge: { address: "::" }' }, '::'],
  ])('may come by %s', (_way, options, expected) => {
    expect(address(options)).toEqual(expected);
  });
  it('without quotes in the file is told with its fix', () => {
    expect(() => load({ file: 'edge:\n  address: ::\n' })).toThrow(
      expect.objectContaining({ code: 'BAD_YAML', hint: 'write an IPv6 address in quotes: "::"' }),
    );
  });
});

describe('an operator’s own profile', () => {
  it('replaces the shipped one of the same name', () => {
    const own = { files: { 'profiles/dev.yml': 'components: { redis: true }\n' } };
    expect(load(own).settings.components).toEqual({ redis: true });
  });
  it('is refused when it names a profile to run instead of itself', () => {
    const files = { 'profiles/mine.yml': 'extends: dev\nprofile: prod\n' };
    expect(() => load({ files, flags: { profile: 'mine' } })).toThrow(/profiles\/mine\.yml:2: profile: is not a setting of a profile/);
  });
  it('is listed from anywhere below the folder of medianest.yml', () => {
    const root = temporaryFolder('list');
    mkdirSync(path.join(root, 'profiles'), { recursive: true });
    mkdirSync(path.join(root, 'deep/er'), { recursive: true });
    writeFileSync(path.join(root, 'medianest.yml'), '');
    writeFileSync(path.join(root, 'profiles/mine.yml'), 'extends: dev\ndescription: my own\n');
    const list = listProfiles({ home: HOME, cwd: path.join(root, 'deep/er'), env: {}, registry, flags: {} });
    expect(list.find((profile) => profile.name === 'mine')).toMatchObject({ description: 'my own', extends: 'dev', missing: [] });
    expect(list.find((profile) => profile.name === 'dr')?.missing).toEqual(['standby']);
  });
  it('may extend a shipped one through ten levels', () => {
    const files = Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`profiles/p${i}.yml`, i === 9 ? 'extends: dev-compose\n' : `extends: p${i + 1}\n`]),
    );
    expect(load({ files, flags: { profile: 'p0' } }).settings.components).toMatchObject({ edge: true, postgres: true });
  });
});

it('does not pass over a medianest.yml that it cannot read', () => {
  expect(() => load({ files: { 'medianest.yml/x': 'a folder of that name' } })).toThrow(/medianest\.yml cannot be read \(EISDIR\)/);
});

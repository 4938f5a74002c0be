import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { rotation } from '../../../src/secrets/plan/rotation.ts';
import { resolveStackSecrets } from '../../../src/secrets/plan/secrets.ts';
import { REFERENCES } from '../../../src/services/app/environment/references.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { Service, Stack } from '../../../src/stack/types.ts';
import { type LoadOptions, load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const stack = (app: Record<string, unknown>, profile = 'prod', more: Record<string, unknown> = {}, options: LoadOptions = {}): Stack =>
  stackOf(load({ file: stringify({ ...more, app }), flags: { profile }, ...options }));
const first = (of: Stack): Service => of.services.find(({ name }) => name === 'app-1' || name === 'all-in-one') as Service;
const random = (bytes: number) => randomBytes(bytes).toString('base64url');
const HOSTILE = `p'q"\\ $HOME \${x} {database.url} %2F@/?#&\nsecond-line`;

/** What the files of secrets hold, with a password that tries everything. */
const secretsOf = (of: Stack) =>
  Object.fromEntries(
    Object.entries(resolveStackSecrets(of.secrets, undefined, random, 'now').values).map(([name, value]) => [name, value.reveal()]),
  );

const START = { entrypoint: ['docker-entrypoint.sh'], command: ['node', 'server.js'], checksHealth: false, architecture: 'arm64' };
const started = (app: Record<string, unknown>, start = START): Stack =>
  buildStack(load({ file: stringify({ app: { image: 'mine:1', ...app } }), flags: { profile: 'prod' } }).settings, registry, {
    ...{
      version: '0.0.0',
      overrides: {},
      subnets: SUBNETS,
      sourceHash: () => 'fixed',
      engineSocket: { path: '/run/docker.sock', gid: 999 },
    },
    host: { imageStarts: { 'mine:1': start } },
  });

describe('a reference', () => {
  it('without a password is put into the environment', () => {
    const env = {
      A: 'db={database.host}:{database.port}/{database.name}',
      B: '{cache.mode} {cache.nodes}',
      C: '{edge.url}',
      D: '{app.port}{app.uploads}',
    };
    const { environment } = first(stack({ env }, 'dev-compose'));
    expect(environment).toMatchObject({
      A: 'db=192.168.0.20:5432/medianest',
      B: 'single 192.168.0.30:6379',
      C: 'https://localhost:8443',
      D: '3000/srv/uploads',
    });
  });

  it('with a password is a file, set inside where its name does not end in _FILE', () => {
    const service = first(stack({ env: { DB: '{database.url}', DB_FILE: '{database.password}' } }));
    expect(service.environment.DB_FILE).toBe('/run/secrets/env-DB_FILE');
    expect(service.environment.DB).toBeUndefined();
    expect(service.view.entrypoint).toEqual(['/run/launch/launch-amd64', 'env', 'DB=/run/secrets/env-DB', '--']);
    expect(service.mounts).toContainEqual({ source: './launch', target: '/run/launch', kind: 'bind', readOnly: true });
    expect(service.secrets.map(({ name }) => name)).toEqual(expect.arrayContaining(['env-DB', 'env-DB_FILE']));
  });

  it.each([
    ['dev-compose', 'postgres'],
    ['prod', 'database'],
  ])('writes a hostile password in %s as each client reads it', (profile, key) => {
    const names = ['url', 'replicaUrl', 'prismaUrl', 'jdbcLoginUrl', 'jdbcUrl', 'dsn', 'password', 'encodedPassword'];
    const env = Object.fromEntries(names.map((name) => [`V_${name}`, `{database.${name}}`]));
    const built = stack({ env }, profile, { [key]: { password: HOSTILE } });
    const values = secretsOf(built);
    const of = (name: string) => values[`env-V_${name}`] ?? '';
    expect(of('password')).toBe(HOSTILE);
    expect(decodeURIComponent(of('encodedPassword'))).toBe(HOSTILE);
    expect(of('url')).toBe(values['database-url']);
    for (const name of ['url', 'replicaUrl', 'prismaUrl']) expect(decodeURIComponent(new URL(of(name)).password)).toBe(HOSTILE);
    const login = new URL(of('jdbcLoginUrl').slice('jdbc:'.length));
    expect(login.searchParams.get('password')).toBe(HOSTILE);
    expect(login.searchParams.get('user')).toMatch(/^medianest/);
    // The quoting of libpq: a backslash before each quote and backslash.
    const quoted = / password='((?:[^'\\]|\\.)*)' sslmode/s.exec(of('dsn'))?.[1] ?? '';
    expect(quoted.replace(/\\(.)/gs, '$1')).toBe(HOSTILE);
    const tls = profile === 'prod';
    expect(new URL(of('prismaUrl')).searchParams.get('sslaccept')).toBe(tls ? 'strict' : null);
    expect(login.searchParams.get('sslrootcert')).toBe(tls ? '/run/trust/internal-ca.pem' : null);
    expect(first(built).environment.V_jdbcUrl).toMatch(tls ? /^jdbc:postgresql:.*\?sslmode=verify-full/ : /\/medianest$/);
    expect(
      rendered(built)
        .files.map(({ contents }) => contents)
        .join(),
    ).not.toContain('nd-line');
  });

  it('names every node of a cluster', () => {
    const built = stack({ env: { A: '{cache.urls}', B: '{cache.url}' } }, 'prod', { redisCluster: { password: HOSTILE } });
    const { 'env-A': all = '', 'env-B': one = '' } = secretsOf(built);
    const urls = all.split(',').map((text) => new URL(text));
    expect(urls.map(({ host }) => host)).toEqual(Array.from({ length: 6 }, (_, index) => `192.168.0.${30 + index}:6379`));
    expect(new Set(urls.map(({ username, password }) => `${username} ${decodeURIComponent(password)}`))).toEqual(
      new Set([`medianest ${HOSTILE}`]),
    );
    expect(one).toBe(all.split(',')[0]);
  });

  it('leaves other braces alone', () => {
    const own = '{"a":{"b":1}} {{database.url}} {name} {a.b c} \\{database.url} ${database} {}';
    expect(first(stack({ env: { A: own } })).environment.A).toBe(own.replace('\\{', '{'));
  });

  it.each([
    ['{databse.url}', /app\.env\.A: there is no reference \{databse\.url\}; did you mean `database\.url`\?/],
    ['{secrets.JWT}', /there is no reference \{secrets\.JWT\}/],
    ['{external.plex.url}', /app\.env\.A: this stack has no \{external\.plex\.url\}/],
    ['{constructor.name}', /no reference/],
  ])('%s is refused', (value, words) => {
    expect(() => stack({ env: { A: value } })).toThrow(words);
  });

  it('to what is outside is the address that the application reaches', () => {
    const external = { plex: { url: 'http://192.168.1.20:32400', token: HOSTILE } };
    const built = stack({ env: { A: '{external.plex.url}/x', B: '{external.plex.token}' } }, 'prod', { external });
    expect(first(built).environment.A).toBe('http://egress-plex:32400/x');
    expect(secretsOf(built)['env-B']).toBe(HOSTILE);
  });

  it.each(REFERENCES.map(({ name }) => name))('%s is known in every profile that has it', (name) => {
    const external = {
      plex: { url: 'http://p:1', token: 't' },
      overseerr: { url: 'http://o:1', apiKey: 'k' },
      uptimeKuma: { url: 'http://u:1' },
    };
    for (const profile of ['dev-compose', 'staging', 'prod']) {
      const built = stack({ env: { A: `{${name}}`, B_FILE: `{${name}}` } }, profile, { external });
      const value = first(built).environment.A ?? secretsOf(built)['env-A'];
      expect(value).not.toContain('{');
      expect(value).not.toBe(name.endsWith('caFile') && profile === 'prod' ? '' : undefined);
    }
  });
});

describe('a secret of the application', () => {
  it('is a file that NAME_FILE names, or a variable that is set inside', () => {
    const built = stack({ secrets: { JWT: HOSTILE, SMTP: { value: HOSTILE, as: 'env' }, KEY: { generate: 32 } } });
    const service = first(built);
    expect(service.environment).toMatchObject({ JWT_FILE: '/run/secrets/JWT', KEY_FILE: '/run/secrets/KEY' });
    expect(service.view.entrypoint).toEqual(expect.arrayContaining(['SMTP=/run/secrets/SMTP']));
    const values = secretsOf(built);
    expect([values.JWT, values.SMTP]).toEqual([HOSTILE, HOSTILE]);
    expect(Buffer.from(values.KEY ?? '', 'base64url')).toHaveLength(32);
  });

  it('comes from a file or a variable as other secrets do', () => {
    const file = 'app: { secrets: { A: "file:a", B: "${B}", C: { value: "file:a", as: env } } }';
    const built = stackOf(load({ file, files: { a: 'line\nlast\n' }, env: { B: HOSTILE }, flags: { profile: 'prod' } }));
    const values = secretsOf(built);
    expect([values.A, values.B, values.C]).toEqual(['line\nlast', HOSTILE, 'line\nlast']);
  });

  it('stands in other variables, as it is and percent-encoded', () => {
    const built = stack({ secrets: { P: HOSTILE }, env: { A: 'smtp://u:{secrets.P.encoded}@h', B: '<{secrets.P}>' } });
    const values = secretsOf(built);
    expect(decodeURIComponent(new URL(values['env-A'] ?? '').password)).toBe(HOSTILE);
    expect(values['env-B']).toBe(`<${HOSTILE}>`);
  });

  it('is rotated if it was generated', () => {
    const built = stack({ secrets: { KEY: { generate: 32 }, MINE: 'x' }, env: { URL: '{database.url}' } });
    expect(rotation(built, 'KEY')).toEqual([{ renew: ['KEY'], says: 'KEY is replaced' }]);
    expect(() => rotation(built, 'MINE')).toThrow(/given by you/);
    expect(() => rotation(built, 'env-URL')).toThrow(/composed of others/);
    const before = resolveStackSecrets(built.secrets, undefined, random, 'now');
    const after = resolveStackSecrets(built.secrets, before.store, random, 'later', ['KEY']);
    expect(after.changed).toEqual(['KEY']);
  });

  it.each([
    [{ secrets: { A: {} } }, /app\.secrets\.A: needs either `value` or `generate`/],
    [{ secrets: { A: { value: 'x', generate: 32 } } }, /needs either/],
    [{ secrets: { A: 5 } }, /app\.secrets\.A: should be a text, or a table such as/],
    [{ secrets: { A: { generate: 4 } } }, /app\.secrets\.A\.generate: should be at least 8/],
    [{ secrets: { 'A-B': 'x' } }, /app\.secrets\.A-B/],
    [{ secrets: { A: 'x' }, env: { A_FILE: '/x' } }, /app\.secrets\.A is handed as A_FILE, and app\.env\.A_FILE says what that is/],
    [{ secrets: { A: { value: 'x', as: 'env' } }, env: { A: 'y' } }, /handed as A, and/],
    [{ secrets: { A: '${NOT_THERE}' } }, /the environment has no NOT_THERE/],
  ])('%j is refused', (app, words) => {
    expect(() => stack(app)).toThrow(words);
  });

  it('is a file where the application shares its container', () => {
    const { environment, secrets } = first(stack({ secrets: { A: { value: 'x', as: 'env' } }, env: { B: '{database.url}' } }, 'dev'));
    expect(environment).toMatchObject({ A_FILE: '/run/secrets/A', B_FILE: '/run/secrets/env-B' });
    expect(secrets.map(({ name }) => name)).toEqual(expect.arrayContaining(['A', 'env-B']));
  });
});

describe('the program that sets variables inside', () => {
  const secrets = { A: { value: 'x', as: 'env' } };
  it('becomes what the image starts with, for its processor', () => {
    const { view, unread } = first(started({ secrets }));
    expect(view.entrypoint).toEqual(['/run/launch/launch-arm64', 'env', 'A=/run/secrets/A', '--', 'docker-entrypoint.sh']);
    expect(view.command).toEqual(['node', 'server.js']);
    expect(unread).toBeUndefined();
  });

  it('keeps the entrypoint with a command of the operator, and for the migration', () => {
    const built = started({ secrets, command: ['node', 'x.js'], migrate: ['node', 'migrate.js'] });
    expect(first(built).view.command).toEqual(['node', 'x.js']);
    const migrate = built.services.find(({ name }) => name === 'app-migrate');
    expect(migrate?.view).toMatchObject({ entrypoint: first(built).view.entrypoint, command: ['node', 'migrate.js'] });
  });

  it('is not there where nothing is set inside', () => {
    const service = first(started({ secrets: { A: 'x' } }));
    expect([service.view.hasEntrypoint, service.unread, service.mounts.some(({ target }) => target === '/run/launch')]).toEqual([
      false,
      undefined,
      false,
    ]);
  });

  it('says what an image of another processor can do', () => {
    expect(() => started({ secrets }, { ...START, architecture: 'riscv64' })).toThrow(/mine:1 is an image for riscv64/);
  });

  it('asks for an image that is not known yet', () => {
    expect(first(stack({ image: 'mine:1', secrets })).unread).toBe('start');
  });
});

describe('an environment file', () => {
  const read = (files: Record<string, string>, app: string) =>
    stackOf(load({ file: `app: { ${app} }`, files, flags: { profile: 'prod' } }));

  it('is handed variable by variable, as secrets that are set inside', () => {
    const built = read(
      { '.env': `A='p$w "x"'\nB=from file\nC=1\nK=2\n`, 'more.env': 'C=$A second\n' },
      'envFile: [.env, ./more.env], env: { B: said }, secrets: { K: { value: x, as: env } }',
    );
    const service = first(built);
    expect(service.environment.B).toBe('said');
    expect(service.view.entrypoint).toEqual(expect.arrayContaining(['A=/run/secrets/env-A', 'C=/run/secrets/env-C', 'K=/run/secrets/K']));
    const values = secretsOf(built);
    expect([values['env-A'], values['env-C'], values.K, values['env-B']]).toEqual(['p$w "x"', 'p$w "x" second', 'x', undefined]);
    expect(
      rendered(built)
        .files.map(({ contents }) => contents)
        .join(),
    ).not.toContain('p$w');
  });

  it.each([
    ['A=1\nB', /app\.envFile\.0:2: is no NAME=value/],
    ['A-B=1', /app\.envFile\.0:1: is no NAME=value/],
    ['A="open\nB=1', /app\.envFile\.0:1: the quotes of A are not closed/],
    [`A='x'y`, /the quotes of A are not closed, or more follows them/],
    ['\nA=$HOME', /app\.envFile\.0:2: \$HOME is not set above/],
  ])('%j is refused', (text, words) => {
    expect(() => read({ '.env': text }, 'envFile: [.env]')).toThrow(words);
  });

  it('that is not there is refused', () => {
    expect(() => read({}, 'envFile: [.env]')).toThrow(/app\.envFile\.0: the file \.env cannot be read/);
  });
});

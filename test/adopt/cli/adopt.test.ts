import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { HOME, medianest } from '../../support/cli.ts';

/* Compose itself reads these projects; no engine is needed. */

interface Adopted {
  settings: Record<string, Record<string, unknown>>;
  secrets: string[];
  services: { name: string; as: string }[];
  left: string[];
  notes: string[];
  commands: { command: string }[];
  written: string[];
}

const made: string[] = [];
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true, force: true });
});
function empty(): string {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-adopt-'));
  made.push(dir);
  return dir;
}
const fixture = (name: string, file = 'docker-compose.yml') => path.join(HOME, 'test', 'adopt', 'fixtures', name, file);
const adopt = async (file: string, ...args: string[]): Promise<Adopted> => {
  const { status, stdout, stderr } = await medianest(['adopt', file, '--json', ...args], { cwd: empty() });
  expect(status, `${stdout}${stderr}`).toBe(0);
  return JSON.parse(stdout) as Adopted;
};
const as = ({ services }: Adopted) => Object.fromEntries(services.map(({ name, as: what }) => [name, what]));

test.each([
  ['dr', {}, { mode: 'sentinel' }, { 'sign-on': false }],
  ['house', { house: 'extends: prod\n' }, { mode: 'sentinel' }, { 'sign-on': false }],
  ['prod', { prod: 'extends: staging\n', staging: 'components: { edge: true, app: true }\n' }, { mode: 'single' }, undefined],
])(
  'what the profile %s switches on decides, with %j beside medianest.yml',
  async (profile, own: Record<string, string>, cache, components) => {
    const cwd = empty();
    mkdirSync(path.join(cwd, 'profiles'));
    for (const [name, text] of Object.entries(own)) writeFileSync(path.join(cwd, `profiles/${name}.yml`), text);
    const { status, stdout, stderr } = await medianest(['adopt', fixture('nginx-node'), '--json', '--profile', profile], { cwd });
    expect(status, stderr).toBe(0);
    expect((JSON.parse(stdout) as Adopted).settings).toMatchObject({ profile, cache });
    expect((JSON.parse(stdout) as Adopted).settings.components).toEqual(components);
  },
);

test('a profile that there is not is refused before anything is written', async () => {
  const cwd = empty();
  const { status, stdout } = await medianest(['adopt', fixture('nginx-node'), '--json', '--profile', 'porch', '--write'], { cwd });
  expect([status, JSON.parse(stdout)]).toMatchObject([2, { error: { code: 'UNKNOWN_PROFILE' } }]);
  expect(readdirSync(cwd)).toEqual([]);
});

describe('projects as people write them', () => {
  test('nginx before Node, PostgreSQL and Redis', async () => {
    const adopted = await adopt(fixture('nginx-node'));
    expect(adopted.settings).toMatchObject({
      project: 'nginx-node-stack',
      cache: { mode: 'sentinel' },
      components: { 'sign-on': false },
      edge: { domains: ['shop.example.org', 'www.shop.example.org'], httpPort: 80, httpsPort: 443 },
      app: {
        image: 'ghcr.io/acme/shop:2.1',
        port: 3000,
        user: '1000',
        env: { DATABASE_URL: '{database.url}', REDIS_URL: '{cache.url}', PUBLIC_URL: '{edge.url}', GREETING: 'Hello \\{name}' },
        health: { get: '/healthz', intervalSeconds: 30 },
        readyPath: '/healthz',
        uploadsPath: '/app/public/uploads',
      },
    });
    expect(adopted.secrets).toEqual(['app.secrets.SESSION_SECRET.value']);
    expect(JSON.stringify(adopted)).not.toMatch(/s3cr3t-pw|kJ8s7dfh/);
    expect(adopted.commands.map(({ command }) => command)).toEqual([
      expect.stringMatching(/^medianest adopt .* --write$/),
      'medianest up --set edge.httpPort=18080 --set edge.httpsPort=18443',
      'medianest import database container:nginx-node-postgres-1 --database shop --stop nginx-node-nginx-1,nginx-node-web-1',
      'medianest import files volume:nginx-node_uploads --to uploads',
      'medianest up',
    ]);
  });

  test('Traefik’s labels: two processes, a migration of one of them, replicas', async () => {
    const adopted = await adopt(fixture('traefik', 'compose.yaml'));
    expect(as(adopted)).toMatchObject({ frontend: 'the application (app)', backend: 'a process (services)', watchtower: 'not taken' });
    expect(adopted.settings.edge).toEqual({ domains: ['portal.example.org'], httpsPort: 443 });
    expect(adopted.settings.services).toMatchObject({
      backend: {
        port: 4000,
        paths: ['/api', '/socket.io'],
        replicas: 2,
        memory: '512m',
        cpus: 1.5,
        env: { DATABASE_URL: '{database.prismaUrl}', REDIS_HOST: '{cache.host}', REDIS_PORT: '{cache.port}' },
      },
    });
    expect(adopted.left.join('\n')).toMatch(/migrate: app.migrate runs in the image of the application/);
    expect(adopted.notes.join('\n')).toMatch(/edge.certificate: acme/);
  });

  test('env files, `.env` and secrets of files, with quotes and dollars', async () => {
    const adopted = await adopt(fixture('env-files'));
    expect(adopted.settings.app).toMatchObject({
      image: 'acme/notes:1.4',
      env: { PGPASSWORD: '{database.password}', PGHOST: '{database.host}', PGUSER: '{database.user}', PLAIN: 'hello world' },
      writable: ['/app/cache'],
    });
    expect(adopted.settings.edge).toEqual({ address: '127.0.0.1', httpPort: 8085 });
    expect(adopted.secrets).toEqual(['app.secrets.API_TOKEN.value', 'app.secrets.MAIL_PASSWORD']);
    expect(adopted.notes.join('\n')).toContain('The "NOT_SET" variable is not set');
  });

  test('folders of the host, named and external volumes, another database', async () => {
    const adopted = await adopt(fixture('volumes'));
    expect(adopted.settings.app).toMatchObject({
      uploadsPath: '/directus/uploads',
      volumes: { extensions: { path: '/directus/extensions' }, data: { path: '/directus/database' } },
      media: { kind: 'bind', path: '/mnt/media/movies' },
      env: { DB_USER: '{database.user}', DB_DATABASE: '{database.name}', DB_PASSWORD: '{database.password}' },
    });
    expect(adopted.left.join('\n')).toMatch(/mariadb \(mariadb:11\): MySQL/);
    expect(adopted.left.join('\n')).toMatch(/config.yml: a single file of the host/);
    expect(adopted.commands.at(-2)?.command).toMatch(
      /volumes\/uploads .*volumes\/extensions volume:shared-data --to uploads,extensions,data$/,
    );
  });

  test('a worker and a cron container', async () => {
    const adopted = await adopt(fixture('worker-cron'));
    expect(adopted.settings.services).toEqual({
      scheduler: {
        image: 'worker-cron-scheduler',
        command: ['sh', '-c', 'while true; do bin/rails nightly; sleep 86400; done'],
        needs: { cache: false },
      },
      worker: {
        image: 'acme/rails:local',
        command: ['bundle', 'exec', 'sidekiq'],
        env: { CONCURRENCY: '5' },
        needs: { uploads: true },
        stop: { signal: 'SIGTSTP', seconds: 45 },
      },
    });
    expect(as(adopted).ofelia).toBe('not taken');
  });
});

describe('a hostile project', () => {
  test('is read, and what has no place is told', async () => {
    const { left, settings } = await adopt(fixture('hostile'));
    for (const word of [
      'privileged',
      'network_mode',
      'pid',
      'cap_add',
      'devices',
      'security_opt',
      'entrypoint',
      'docker.sock',
      '/host/etc',
      'search',
      'debug',
    ])
      expect(left.join('\n')).toContain(word);
    expect(settings.app).toMatchObject({ port: 8000, env: { LOG: 'info', DATABASE_URL: '{database.url}' } });
  });

  test('is not written where its settings cannot be used, and nothing is left', async () => {
    const dir = empty();
    const { status, stdout } = await medianest(['adopt', fixture('hostile'), '--write', '--json'], { cwd: dir });
    expect([status, JSON.parse(stdout).error.code]).toEqual([2, 'INVALID_SETTINGS']);
    expect(existsSync(path.join(dir, 'medianest.yml'))).toBe(false);
  });

  test('that Compose cannot read is Compose’s to explain', async () => {
    const dir = empty();
    const { stdout } = await medianest(['adopt', path.join(HOME, 'package.json'), '--json'], { cwd: dir });
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'COMPOSE_REFUSED' });
    const { status } = await medianest(['adopt', 'missing.yml'], { cwd: dir });
    expect(status).toBe(2);
  });
});

describe('adopt --write', () => {
  test('writes settings that load, secrets for their owner alone, and nothing over what is there', async () => {
    const dir = empty();
    const { status, stdout, stderr } = await medianest(['adopt', fixture('env-files'), '--write'], { cwd: dir });
    expect(status, stderr).toBe(0);
    expect(stdout).toContain('Written:');
    expect(readdirSync(path.join(dir, 'secrets')).sort()).toEqual(['API_TOKEN', 'MAIL_PASSWORD']);
    expect(readFileSync(path.join(dir, 'secrets', 'API_TOKEN'), 'utf8')).toBe('a$b"c\n');
    expect(statSync(path.join(dir, 'secrets', 'API_TOKEN')).mode & 0o777).toBe(0o600);
    const text = readFileSync(path.join(dir, 'medianest.yml'), 'utf8');
    expect(text).toContain('Written by `medianest adopt`');
    expect(text).not.toMatch(/mail-password|a\$b/);
    expect((await medianest(['config', 'show', '--json'], { cwd: dir })).status).toBe(0);
    const again = await medianest(['adopt', fixture('env-files'), '--write', '--json'], { cwd: dir });
    expect(JSON.parse(again.stdout).error.code).toBe('ALREADY_THERE');
    expect(readFileSync(path.join(dir, 'medianest.yml'), 'utf8')).toBe(text);
  });

  test('--dry-run writes nothing', async () => {
    const dir = empty();
    const { status } = await medianest(['adopt', fixture('env-files'), '--write', '--dry-run'], { cwd: dir });
    expect([status, readdirSync(dir)]).toEqual([0, []]);
  });
});

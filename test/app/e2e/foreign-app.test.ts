import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { parsed, portal, until } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

/*
 * An application that knows nothing of medianest, in an image without a shell: a Node.js server, its libraries, and nothing else. The
 * stack is that of staging, with one server each for database and cache.
 */

const IMAGE = `${PREFIX}-foreign/app:1`;
/** All that breaks where a value passes a shell, Compose or a URL. */
const HOSTILE = `a'b"c $HOME \${PATH} \`id\` \\ {x} %2F@/?#\nsecond line\n`;

/** Tells its environment and its secrets; refuses eager checks of readiness with 429, as limits do. */
const SERVER = `
const { createServer } = require('node:http');
const { readFileSync, writeFileSync, readdirSync } = require('node:fs');
let ready = 0;
const answers = {
  '/env': () => process.env,
  '/file': (url) => readFileSync(url.searchParams.get('path'), 'utf8'),
  '/list': (url) => readdirSync(url.searchParams.get('path')),
  '/write': (url) => { writeFileSync(url.searchParams.get('path'), url.searchParams.get('text')); return 'written'; },
  '/arguments': () => process.argv.slice(2),
};
createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  if (url.pathname === '/up') return response.writeHead(ready++ % 3 === 0 ? 200 : 429).end();
  try {
    const answer = answers[url.pathname];
    const body = JSON.stringify(answer ? answer(url) : null);
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(body);
  } catch (error) {
    response.writeHead(500).end(JSON.stringify(String(error)));
  }
}).listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
`;
const DOCKERFILE = `
ARG PORTAL
FROM \${PORTAL} AS full
USER root
RUN mkdir /out && node=$(readlink -f "$(command -v node)") && cp "$node" /out/node \\
 && ldd "$node" | grep -o '/[^ ]*' | xargs -I{} cp --parents --dereference {} /out \\
 && cp -r --parents --dereference /usr/share/nodejs /out
FROM scratch
COPY --from=full /out /
COPY server.js /server.js
USER 12345:12345
HEALTHCHECK --interval=1s --start-period=30s CMD ["/node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/list?path=/').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/node", "/server.js"]
CMD ["of the image"]
`;

let space: Workspace;
const APP = {
  image: IMAGE,
  port: 4000,
  replicas: 2,
  user: '12345:12345',
  readyPath: '/up',
  ready: { statuses: [200, 429] },
  settleSeconds: 1,
  env: {
    DB_URL: '{database.url}',
    DB_HOST: '{database.host}',
    PASS_FILE: '{database.password}',
    LITERAL: HOSTILE.replaceAll('{x}', '{{x.y}}'),
  },
  secrets: {
    AS_FILE: 'file:./hostile',
    AS_ENV: { value: 'file:./hostile', as: 'env' },
    KEY: { generate: 32, as: 'env' },
  },
  volumes: { data: { path: '/data' }, scratch: { path: '/scratch', backup: false, shared: false } },
  writable: ['/cache'],
};
const OFF = ['patroni', 'etcd', 'db-router', 'redis-cluster', 'agent', 'engine-proxy', 'cdn'];
const configure = (app: Record<string, unknown> = {}) =>
  space.configure({
    profile: 'staging',
    components: { ...Object.fromEntries(OFF.map((name) => [name, false])), postgres: true, redis: true },
    app: { ...APP, ...app },
    edge: { waf: { mode: 'off' } },
  });
const container = (name: string) => `${space.project}-${name}-1`;
const must = async (...args: string[]): Promise<Run> => {
  const done = await space.run(args);
  expect(done.status, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBe(0);
  return done;
};
/** What the application answers through edge and balancer. */
const ask = async <T>(url: string): Promise<T> => {
  const { status, body } = await portal(space, url);
  expect(status, body).toBe(200);
  return JSON.parse(body) as T;
};
const at = (route: string, parameters: Record<string, string>) => `${route}?${new URLSearchParams(parameters)}`;

beforeAll(async () => {
  space = await workspace('foreign');
  const { stdout } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', 'medianest/app']);
  const [ref = ''] = stdout.split('\n');
  space.write('server.js', SERVER);
  space.write('Dockerfile', DOCKERFILE);
  const built = await docker(['build', '--quiet', '--build-arg', `PORTAL=${ref}`, '--tag', IMAGE, space.dir]);
  expect(built.status, built.stderr).toBe(0);
  // An editor ends the last line; the value has a line end of its own before that.
  writeFileSync(path.join(space.dir, 'hostile'), `${HOSTILE}\n`, { mode: 0o600 });
  configure();
  await must('up');
}, 400_000);
afterAll(async () => {
  await space.destroy();
  await docker(['image', 'rm', '--force', IMAGE]);
});

describe('a foreign application', () => {
  test('gets its secrets byte for byte in each way, and none of them is in what the engine tells', async () => {
    const env = await ask<Record<string, string>>('/env');
    expect(env).toMatchObject({ AS_ENV: HOSTILE, AS_FILE_FILE: '/run/secrets/AS_FILE', LITERAL: APP.env.LITERAL });
    expect(await ask(at('/file', { path: '/run/secrets/AS_FILE' }))).toBe(HOSTILE);
    const password = await ask<string>(at('/file', { path: env.PASS_FILE ?? '' }));
    expect(decodeURIComponent(new URL(env.DB_URL ?? '').password)).toBe(password);
    expect(new URL(env.DB_URL ?? '').hostname).toBe(env.DB_HOST);
    const { stdout } = await docker(['inspect', container('app-1'), container('app-2')]);
    for (const secret of [password, env.KEY ?? '', 'second line\\n"'])
      expect(stdout.replaceAll(JSON.stringify(APP.env.LITERAL).slice(1, -1), '')).not.toContain(secret);
    expect(await ask('/arguments')).toEqual(['of the image']);
    expect(await ask(at('/list', { path: '/run/secrets' }))).toEqual(expect.arrayContaining(['AS_FILE', 'KEY']));
  });

  test('is checked as its image says, and by the balancer that takes 429', async () => {
    const { stdout } = await docker([
      'inspect',
      '--format',
      '{{.State.Health.Status}} {{json .Config.Healthcheck.Test}}',
      container('app-1'),
    ]);
    expect(stdout).toMatch(/^healthy \["CMD","\/node"/);
    const answers = await Promise.all(Array.from({ length: 8 }, () => portal(space, '/env')));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect((await must('plan')).stdout).toContain('Nothing to do');
  });

  test('is asked for its health by a path, though its image has neither shell nor curl', async () => {
    configure({ health: { get: '/list?path=/', intervalSeconds: 1 } });
    await must('up');
    const { stdout } = await docker([
      'inspect',
      '--format',
      '{{.State.Health.Status}} {{json .Config.Healthcheck.Test}}',
      container('app-1'),
    ]);
    expect(stdout).toMatch(/^healthy \["CMD","\/run\/launch\/launch-\w+","probe","4000"/);
  });

  test('has a generated secret rotated, and listed', async () => {
    const before = (await ask<Record<string, string>>('/env')).KEY;
    await must('secrets', 'rotate', 'KEY');
    const after = (await ask<Record<string, string>>('/env')).KEY;
    expect([Buffer.from(before ?? '', 'base64url').length, Buffer.from(after ?? '', 'base64url').length, before === after]).toEqual([
      32,
      32,
      false,
    ]);
    const { secrets } = parsed<{ secrets: { name: string; origin: string }[] }>(await must('secrets', 'list', '--json'));
    expect(secrets).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'KEY', origin: 'generated' }),
        expect.objectContaining({ name: 'env-DB_URL', origin: 'composed' }),
      ]),
    );
  });

  test('writes to its folders, and a backup brings back what is to be kept', async () => {
    for (const folder of ['/data', '/scratch', '/cache', '/srv/uploads'])
      expect(await ask(at('/write', { path: `${folder}/a.txt`, text: 'then' }))).toBe('written');
    const refused = await portal(space, at('/write', { path: '/server.js', text: 'x' }));
    expect(refused.status).toBe(500);
    const { id } = parsed<{ id: string }>(await must('backup', '--json'));
    await ask(at('/write', { path: '/data/a.txt', text: 'now' }));
    await ask(at('/write', { path: '/data/b.txt', text: 'now' }));
    await must('restore', id, '--only', 'files', '--yes');
    await until('it serves', async () => (await portal(space, '/env')).status === 200, 30);
    expect(await ask(at('/list', { path: '/data' }))).toEqual(['a.txt']);
    expect(await ask(at('/file', { path: '/data/a.txt' }))).toBe('then');
  });

  test('leaves nothing of it', async () => {
    await must('down', '--volumes', '--yes', '--no-backup');
    const { stdout } = await docker(['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${space.project}`]);
    expect(stdout.split('\n').filter((name) => name.includes('_own-'))).toEqual([]);
  });
});

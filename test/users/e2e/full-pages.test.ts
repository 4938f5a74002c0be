import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { docker, HOME, PROGRAM } from '../../support/cli.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import type { Visitor } from '../../support/sign-on/visitor.ts';
import { parsed, request } from '../../support/stack.ts';
import { PREFIX } from '../../support/workspace.ts';

// Grafana, Kibana and Jaeger behind the sign-in. No registry has their images here, so doubles of test/support/full stand for them: each
// reads the configuration that the real one would be given, and insists on what the real one's sources insist on.

const FOUR = ['elasticsearch', 'kibana', 'jaeger', 'grafana'];
const DOUBLES = `${PREFIX}-full-doubles:1`;
const EXPORTERS = ['node-exporter', 'postgres-exporter', 'redis-exporter', 'blackbox-exporter', 'nginx-exporter', 'alertmanager'];
const AT = '/auth/pages';
const PAGES = [
  `${AT}/grafana/`,
  `${AT}/grafana/api/user`,
  `${AT}/kibana/app/home`,
  `${AT}/kibana/internal/search/ese`,
  `${AT}/jaeger/api/services`,
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
/** As a page's own script asks. */
const OWN = { accept: 'application/json', 'sec-fetch-site': 'same-origin' };

let stack: SignOnStack;
let admin: Visitor;
let carol: Visitor;
let bob: Visitor;

const containerOf = async (service: string): Promise<string> =>
  (await docker(['ps', '--quiet', '--no-trunc', '--filter', `name=^${stack.space.project}-${service}-1$`])).stdout.trim();
const links = async (): Promise<string[]> =>
  [...(await admin.ask(`${AT}/`)).text.matchAll(/href="(\w+)\/"/g)].map(([, name]) => name as string);
const withImages = (images: Record<string, string>) => {
  const settings = parse(readFileSync(path.join(stack.space.dir, 'medianest.yml'), 'utf8'));
  stack.space.write('medianest.yml', stringify({ ...settings, images }));
};
const config = (service: string, file: string): string => {
  const { configs } = JSON.parse(readFileSync(path.join(stack.space.state, 'current/manifest.json'), 'utf8'));
  return readFileSync(path.join(stack.space.state, 'config', service, configs[service], file), 'utf8');
};
const secret = (service: string, name: string): string =>
  readFileSync(path.join(stack.space.state, 'secrets', service, name), 'utf8').trim();
/** From Prometheus's container, as `medianest open` reaches it. */
async function fromBeside(address: string, text: string): Promise<string> {
  const [host, port] = address.split(':');
  const script = `exec 3<>/dev/tcp/${host}/${port}; printf '${text.replaceAll('\n', '\\r\\n')}' >&3; cat <&3`;
  return (await docker(['exec', await containerOf('prometheus'), 'bash', '-c', script])).stdout;
}

beforeAll(async () => {
  stack = await signOnStack('full-pages', {
    observability: 'full',
    components: { 'sign-on': true, balancer: false, ...Object.fromEntries(EXPORTERS.map((name) => [name, false])) },
    images: Object.fromEntries(FOUR.map((name) => [name, `registry.invalid/${name}:1`])),
    elasticsearch: { mmap: false },
    edge: { login: { perMinute: 5000, burst: 1000 }, waf: { mode: 'block' }, pages: true },
  });
  admin = await stack.firstAdmin();
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
  bob = await stack.signedIn('bob');
  await stack.invite('carol', PASSWORDS.carol, '--groups', 'operator');
});
afterAll(async () => {
  await stack?.space.destroy();
  await docker(['image', 'rm', '--force', DOUBLES]);
});

test('what is left out has no page, and what has come is shown without a new edge', async () => {
  expect(await links()).toEqual(['prometheus', 'edge']);
  for (const name of ['grafana', 'kibana', 'jaeger']) expect([name, (await admin.ask(`${AT}/${name}/`)).status]).toEqual([name, 404]);
  const edge = await containerOf('edge');
  const compose = parse(readFileSync(path.join(stack.space.state, 'current/compose.yml'), 'utf8'));
  const from = compose.services['app-1'].image as string;
  const built = await docker(['build', '--quiet', '--tag', DOUBLES, '--build-arg', `FROM=${from}`, path.join(HOME, 'test/support/full')]);
  expect([built.status, built.stderr]).toEqual([0, '']);
  withImages(Object.fromEntries(FOUR.map((name) => [name, DOUBLES])));
  const up = await stack.space.run(['up', '--json']);
  expect([up.status, up.status === 0 ? '' : up.stderr]).toEqual([0, '']);
  expect(await links()).toEqual(['prometheus', 'edge', 'grafana', 'kibana', 'jaeger']);
  expect(await containerOf('edge')).toBe(edge);
});

test('an operator without a second factor, a member, a stranger and a token see none of them, however they ask', async () => {
  carol = await stack.signedIn('carol');
  const ends = new Date(Date.now() + 86_400_000 * 2).toISOString().slice(0, 10);
  const made = await stack.space.run(['users', 'token', 'add', 'program', '--role', 'operator', '--until', ends, '--json']);
  const authorization = `Bearer ${parsed<{ token: string }>(made).token}`;
  for (const page of PAGES)
    for (const method of METHODS) {
      const asked = method === 'OPTIONS' ? 405 : 403;
      const of = (one: Visitor, more = {}) => one.ask(page, { method, headers: { ...OWN, accept: 'text/html', ...more } });
      expect([page, method, (await of(stack.visitor())).status]).toEqual([page, method, method === 'OPTIONS' ? 405 : 302]);
      expect([page, method, (await of(bob)).status]).toEqual([page, method, asked]);
      // No session before the second factor is registered.
      expect([page, method, (await of(carol)).status]).toEqual([page, method, method === 'OPTIONS' ? 405 : 302]);
      expect([page, method, (await of(stack.visitor(), { authorization })).status]).toEqual([page, method, asked]);
    }
  stack.secrets.carol = await carol.registerTotp(Date.now);
  carol = await stack.signedIn('carol');
});

test('nor by an address that is written in another way', async () => {
  const below = 'grafana/api/user';
  for (const address of [
    ...[`//auth/pages/${below}`, `/auth//pages/${below}`, `/auth/./pages/${below}`, `/x/../auth/pages/${below}`],
    ...[`/auth/pages/x/../${below}`, `/auth/%70ages/${below}`, `/auth/pages%2f${below}`, `/AUTH/pages/${below}`, `/auth/pages;/${below}`],
    ...['/auth/pages/jaeger/../grafana/api/user', '/auth/pages/grafana/..%2fgrafana/api/user', '/auth/pages/grafana%2fapi/user'],
  ])
    for (const method of ['GET', 'POST'])
      expect([address, (await bob.ask(address, { method, headers: OWN })).text]).toEqual([address, expect.not.stringContaining('orgRole')]);
});

test('Grafana knows who has signed in, and their role, and is told nothing else', async () => {
  const userOf = async (one: Visitor, headers = {}) =>
    (await one.ask(`${AT}/grafana/api/user`, { headers: { ...OWN, ...headers } })).json<Record<string, unknown>>();
  const told = { host: `localhost:${stack.space.httpsPort}` };
  // Not Grafana's own administrator of the same name.
  expect(await userOf(admin)).toEqual({ login: 'admin@sign-on', email: 'admin@sign-on', isGrafanaAdmin: false, orgRole: 'Admin', told });
  expect(await userOf(carol)).toMatchObject({ login: 'carol@sign-on', isGrafanaAdmin: false, orgRole: 'Editor', told });
  const claims = {
    'remote-user': 'admin',
    'remote-role': 'Admin',
    'x-forwarded-for': '127.0.0.1',
    cookie: `grafana_session=of-the-administrator; ${[...carol.cookies].map(([name, value]) => `${name}=${value}`).join('; ')}`,
  };
  expect(await userOf(carol, claims)).toMatchObject({ login: 'carol@sign-on', orgRole: 'Editor', told });
  const post = (one: Visitor, where: string) => one.ask(`${AT}/grafana/api/${where}`, { json: {}, headers: OWN });
  expect([(await post(carol, 'datasources')).status, (await post(admin, 'datasources')).status]).toEqual([403, 200]);
});

test('Grafana’s pages pass as it sends them', async () => {
  const page = await admin.ask(`${AT}/grafana/`);
  expect([page.status, page.headers['content-security-policy'], page.headers['x-frame-options'], page.headers['cache-control']]).toEqual([
    200,
    expect.stringContaining(`wss://localhost:${stack.space.httpsPort}${AT}/grafana/`),
    'deny',
    'no-store',
  ]);
  expect(page.text).toContain(`<base href="${AT}/grafana/">`);
  const script = await admin.ask(`${AT}/grafana/public/build/app.js`);
  expect([script.status, script.headers['cache-control']]).toEqual([200, 'public, max-age=3600']);
  for (const name of ['prometheus', 'grafana'])
    expect((await admin.ask(`${AT}/${name}`)).headers.location).toBe(`${stack.url}${AT}/${name}/`);
  expect((await admin.ask(`${AT}/grafana/logout`)).headers.location).toBe(`${stack.url}/auth/?logout=1`);
  // Live is off, and no WebSocket passes.
  expect((await admin.upgrade(`${AT}/grafana/api/live/ws`)).status).toBe(404);
});

test('what changes something comes from a page of this name alone', async () => {
  const where = `${AT}/grafana/api/ds/query`;
  const json = { queries: [{ refId: 'A', expr: "up or label_replace(vector(1),'a','$1','b','(.*)') -- ' OR 1=1; DROP TABLE x" }] };
  const sent = async (headers: Record<string, string>, one = admin) => (await one.ask(where, { json, headers })).status;
  expect(await sent({})).toBe(200);
  expect(await sent({ 'sec-fetch-site': '', origin: stack.url })).toBe(200);
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example.org' },
    { 'sec-fetch-site': 'same-site', origin: stack.url },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': '', origin: 'https://evil.example.org' },
    { 'sec-fetch-site': '', origin: `https://localhost:${stack.space.httpsPort + 1}` },
    { 'sec-fetch-site': '', origin: `${stack.url}.evil.example.org` },
    { 'sec-fetch-site': '', origin: 'null' },
    { 'sec-fetch-site': '' },
  ] as Record<string, string>[])
    expect([headers, await sent(headers)]).toEqual([headers, 403]);
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const change = await admin.ask(`${AT}/grafana/api/dashboards/uid/x`, { method, json: {}, headers: OWN });
    expect([method, change.status, change.json().method]).toEqual([method, 200, method]);
    const forged = await admin.ask(`${AT}/grafana/api/dashboards/uid/x`, { method, json: {}, headers: { 'sec-fetch-site': 'cross-site' } });
    expect([method, forged.status]).toEqual([method, 403]);
  }
  for (const method of ['OPTIONS', 'TRACE', 'PROPFIND'])
    expect([method, (await admin.ask(where, { method, headers: OWN })).status]).toEqual([method, 405]);
  // A large dashboard: above what the firewall of the application reads.
  const large = await admin.ask(where, { json: { queries: [{ text: 'x'.repeat(2_000_000) }] }, headers: OWN });
  expect([large.status, large.json<{ bytes: number }>().bytes > 2_000_000]).toEqual([200, true]);
});

test('the other pages are still only read', async () => {
  for (const page of [`${AT}/prometheus/api/v1/query`, `${AT}/edge/`])
    expect([page, (await admin.ask(page, { json: {}, headers: OWN })).status]).toEqual([page, 405]);
});

test('Grafana believes the edge alone; others keep the password', async () => {
  const address = /http_addr = (.*)/.exec(config('grafana', 'grafana.ini'))?.[1] as string;
  const ask = (header: string) =>
    fromBeside(`${address}:3000`, `GET ${AT}/grafana/api/user HTTP/1.1\nHost: x\nConnection: close\n${header}\n\n`);
  const claimed = await ask('Remote-User: admin@sign-on\nRemote-Role: Admin\nX-Forwarded-For: 127.0.0.1');
  expect(claimed).toMatch(/^HTTP\/1\.1 401 /);
  const basic = Buffer.from(`admin:${secret('grafana', 'grafana-admin-password')}`).toString('base64');
  expect(await ask(`Authorization: Basic ${basic}`)).toContain('"isGrafanaAdmin":true');
});

test('Kibana asks for its own password, and gets its own cookie alone', async () => {
  const one = await stack.signedIn('carol');
  const first = await one.ask(`${AT}/kibana/app/home`);
  expect([first.status, first.headers.location]).toEqual([302, `${AT}/kibana/login?next=${encodeURIComponent(`${AT}/kibana/app/home`)}`]);
  const search = (more = {}) =>
    one.ask(`${AT}/kibana/internal/search/ese`, { json: { params: {} }, headers: { ...OWN, 'kbn-xsrf': 'x', ...more } });
  expect((await search()).status).toBe(401);
  const params = { username: 'admin', password: secret('kibana', 'elasticsearch-admin-password') };
  const signIn = await one.ask(`${AT}/kibana/internal/security/login`, { json: { params }, headers: { ...OWN, 'kbn-xsrf': 'x' } });
  expect([signIn.status, String(signIn.headers['set-cookie'])]).toEqual([
    200,
    expect.stringMatching(/^kibana-session=[^;]+; HttpOnly; Path=\/auth\/pages\/kibana; Secure; SameSite=Lax$/i),
  ]);
  one.cookies.set('connect.sid', 'the-application’s'.replace('’', ''));
  one.cookies.set('sid', 'also-the-applications');
  const found = await search();
  expect([found.status, found.json<{ told: Record<string, string> }>().told]).toEqual([
    200,
    { cookie: expect.stringMatching(/^kibana-session=[^;]+$/), host: `localhost:${stack.space.httpsPort}` },
  ]);
  expect((await one.ask(`${AT}/kibana/internal/search/ese`, { json: {}, headers: OWN })).json().message).toContain('kbn-xsrf');
  const page = await one.ask(`${AT}/kibana/app/home`);
  expect([page.status, page.headers['content-security-policy']]).toEqual([200, expect.stringContaining('worker-src')]);
});

test('Jaeger has its path, and learns nothing of who asks', async () => {
  const page = await carol.ask(`${AT}/jaeger/search`);
  expect([page.status, page.text]).toEqual([200, expect.stringContaining(`<base href="${AT}/jaeger/">`)]);
  expect(page.headers['content-security-policy']).toMatch(/'unsafe-inline'.*frame-ancestors 'none'/);
  const { told } = (await carol.ask(`${AT}/jaeger/api/services`, { headers: OWN })).json<{ told: Record<string, string> }>();
  expect(told).not.toHaveProperty('cookie');
  expect(Object.keys(told).filter((name) => name.startsWith('remote-'))).toEqual([]);
  const datasources = config('grafana', 'provisioning/datasources/medianest.yml');
  const url = new URL(parse(datasources).datasources.find(({ type }: { type: string }) => type === 'jaeger').url);
  expect(await fromBeside(url.host, `GET ${url.pathname}/api/services HTTP/1.1\nHost: x\nConnection: close\n\n`)).toContain(
    '"data":["app"]',
  );
});

test('medianest open leads to the path, and to a password', async () => {
  const child = spawn(process.execPath, [PROGRAM, 'open', 'grafana'], {
    cwd: stack.space.dir,
    env: { ...process.env, DISPLAY: '', WAYLAND_DISPLAY: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    const url = await new Promise<string>((resolve) => child.stdout.once('data', (text: Buffer) => resolve(String(text).trim())));
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/auth\/pages\/grafana\/$/);
    const page = await request(url, { timeout: 20_000, headers: { 'Remote-User': 'admin@sign-on', 'Remote-Role': 'Admin' } });
    expect([page.status, page.headers.location]).toEqual([302, `${AT}/grafana/login`]);
    const body = { user: 'admin', password: secret('grafana', 'grafana-admin-password') };
    expect((await request(`${url}login`, { method: 'POST', body, timeout: 20_000 })).status).toBe(200);
  } finally {
    child.kill('SIGINT');
  }
  expect(await ended).toBe(0);
});

test('a program that is away takes nothing else with it', async () => {
  await docker(['stop', await containerOf('grafana')]);
  expect([502, 504]).toContain((await admin.ask(`${AT}/grafana/`)).status);
  expect((await docker(['restart', await containerOf('edge')])).status).toBe(0);
  await expect.poll(async () => (await admin.ask(`${AT}/`).catch(() => undefined))?.status, { timeout: 30_000 }).toBe(200);
  expect((await admin.ask(`${AT}/jaeger/api/services`, { headers: OWN })).status).toBe(200);
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import type { Visitor } from '../../support/sign-on/visitor.ts';
import { parsed, until } from '../../support/stack.ts';

// Pages of the stack's own programs behind the sign-in, with Prometheus and the balancer.

const QUERY = '/auth/pages/prometheus/api/v1/query?query=up';
const PAGES = ['/auth/pages/', QUERY, '/auth/pages/balancer/', '/auth/pages/edge/'];
const EXPORTERS = ['node-exporter', 'postgres-exporter', 'redis-exporter', 'blackbox-exporter', 'nginx-exporter', 'alertmanager'];

let stack: SignOnStack;
let admin: Visitor;
let bob: Visitor;

beforeAll(async () => {
  stack = await signOnStack('sign-on-pages', {
    observability: 'light',
    components: { 'sign-on': true, balancer: true, ...Object.fromEntries(EXPORTERS.map((name) => [name, false])) },
    edge: { login: { perMinute: 5000, burst: 1000 }, waf: { mode: 'block' }, pages: true, access: [{ paths: ['/'], roles: ['member'] }] },
  });
  admin = await stack.firstAdmin();
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'member');
  bob = await stack.signedIn('bob');
});
afterAll(() => stack?.space.destroy());

test('an operator with a second factor sees them all', async () => {
  const list = await admin.ask('/auth/pages/');
  expect([list.status, [...list.text.matchAll(/href="([^"]+)"/g)].map(([, href]) => href)]).toEqual([
    200,
    ['prometheus/', 'balancer/', 'edge/', '/auth/?logout=1'],
  ]);
  await until('Prometheus has asked itself', async () => (await admin.ask(QUERY)).json<{ data: { result: [] } }>().data.result.length > 0);
  const first = await admin.ask('/auth/pages/prometheus/');
  expect(first.headers.location).toMatch(/^\/auth\/pages\/prometheus\/[\w/]+$/);
  const page = await admin.ask(String(first.headers.location));
  expect([page.status, page.headers['content-security-policy']]).toEqual([200, expect.stringContaining("frame-ancestors 'none'")]);
  const scripts = [...page.text.matchAll(/(?:src|href)="([^"]+\.(?:js|css)[^"]*)"/g)].map(([, path]) => path as string);
  expect(scripts.length).toBeGreaterThan(0);
  for (const path of scripts) {
    const at = new URL(path, `${stack.url}${first.headers.location}`).pathname;
    expect([at, (await admin.ask(at)).status]).toEqual([expect.stringMatching(/^\/auth\/pages\/prometheus\//), 200]);
  }
  const balancer = await admin.ask('/auth/pages/balancer/');
  expect([balancer.status, balancer.text]).toEqual([200, expect.stringContaining('Statistics Report')]);
  expect(balancer.text).not.toMatch(/<select|type="submit"/);
  expect((await admin.ask('/auth/pages/edge/')).text).toContain('Active connections');
  expect((await admin.ask('/auth/pages/other/')).status).toBe(404);
});

test('others do not: a stranger, a member, a program with the token of an operator', async () => {
  const ends = new Date(Date.now() + 86_400_000 * 2).toISOString().slice(0, 10);
  const made = await stack.space.run(['users', 'token', 'add', 'program', '--role', 'operator', '--until', ends, '--json']);
  const authorization = `Bearer ${parsed<{ token: string }>(made).token}`;
  for (const path of PAGES) {
    expect([path, (await stack.visitor().ask(path)).status]).toEqual([path, 302]);
    expect([path, (await bob.ask(path)).status]).toEqual([path, 403]);
    expect([path, (await stack.visitor().ask(path, { headers: { authorization } })).status]).toEqual([path, 403]);
  }
  expect((await stack.visitor().ask('/', { headers: { authorization } })).status).toBe(200);
});

test('however the address is written', async () => {
  const below = 'prometheus/api/v1/query?query=up';
  for (const path of [
    `//auth/pages/${below}`,
    `/auth//pages/${below}`,
    `/auth/./pages/${below}`,
    `/x/../auth/pages/${below}`,
    `/auth/pages/x/../${below}`,
    `/auth/%70ages/${below}`,
    `/auth/pages%2f${below}`,
    `/AUTH/pages/${below}`,
    `/auth/pages;/${below}`,
  ])
    expect([path, (await bob.ask(path)).text]).toEqual([path, expect.not.stringContaining('"status":"success"')]);
});

test('nothing is sent through them but questions', async () => {
  for (const path of [QUERY, '/auth/pages/balancer/', '/auth/pages/edge/'])
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      const sent = await admin.ask(path, { method, form: { action: 'drain' } });
      expect([path, method, sent.status]).toEqual([path, method, 405]);
    }
});

test('the balancer answers the edge and Prometheus alone', async () => {
  const asked = "fetch('http://balancer:8404/').then((r) => console.log(r.status), (e) => console.log('refused'))";
  const { stdout } = await docker(['exec', `${stack.space.project}-app-1-1`, 'node', '-e', asked]);
  expect(stdout.trim()).toBe('refused');
});

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker, run } from '../../support/cli.ts';
import { parsed, portal, ready, until } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

const id = randomBytes(3).toString('hex');
const NAMESPACE = `${PREFIX}-visitors-${id}`;
/** Two networks of visitors on one cable (RFC 4193). The host is ::1 in each. */
const prefix = `fd${randomBytes(1).toString('hex')}:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}`;
const [ONE, TWO] = [`${prefix}:a`, `${prefix}:b`];

let space: Workspace;

async function ip(...argv: string[]): Promise<void> {
  const { status, stderr } = await run('ip', argv);
  if (status !== 0) throw new Error(`ip ${argv.join(' ')}: ${stderr}`);
}

beforeAll(async () => {
  const [device, far] = [`v6${id}`, `w6${id}`];
  await ip('netns', 'add', NAMESPACE);
  await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', far, 'netns', NAMESPACE);
  for (const network of [ONE, TWO]) {
    await ip('address', 'add', `${network}::1/64`, 'dev', device, 'nodad');
    for (const host of [2, 3]) await ip('-n', NAMESPACE, 'address', 'add', `${network}::${host}/64`, 'dev', far, 'nodad');
  }
  await ip('link', 'set', device, 'up');
  for (const each of ['lo', far]) await ip('-n', NAMESPACE, 'link', 'set', each, 'up');
  space = await workspace('ipv6');
});
afterAll(async () => {
  await space?.destroy();
  await run('ip', ['netns', 'delete', NAMESPACE]);
});

/** What a visitor with this address gets: the status code of its answer. */
async function visit(from: string, at: string, { method = 'GET', body = '' } = {}): Promise<number> {
  const target = from.startsWith(ONE) ? ONE : TWO;
  const script = `const request = require('node:https').request({
      host: '${target}::1', port: ${space.httpsPort}, localAddress: '${from}', path: '${at}', method: '${method}', servername: 'localhost',
      rejectUnauthorized: false,
      headers: { host: 'localhost', 'content-type': 'application/json', origin: 'https://localhost:${space.httpsPort}' },
    }, (answer) => { console.log(answer.statusCode); answer.resume(); });
    request.on('error', (error) => { console.log(error.message); });
    request.end(${JSON.stringify(body)});`;
  const { stdout } = await run('ip', ['netns', 'exec', NAMESPACE, process.execPath, '-e', script]);
  expect([from, stdout.trim()]).toEqual([from, expect.stringMatching(/^\d+$/)]);
  return Number(stdout.trim());
}

const signIn = (from: string) => visit(from, '/api/session', { method: 'POST', body: '{"name":"x","password":"y"}' });

test('every address is IPv4’s and IPv6’s', async () => {
  space.configure({ profile: 'dev-compose', edge: { address: 'every' } });
  const up = await space.run(['up']);
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  await ready(portal, space);
  expect(await visit(`${ONE}::2`, '/api/health')).toBe(200);
});

test('visitors of two IPv6 networks are limited apart, and two addresses of one network together', async () => {
  const first: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) first.push(await signIn(`${ONE}::2`), await signIn(`${ONE}::3`));
  expect(first).toContain(429);
  expect(await signIn(`${TWO}::2`)).not.toBe(429);
});

test('the edge’s log names the visitor’s own address', async () => {
  // Without zeros at the start of a group (RFC 5952).
  const written = new URL(`http://[${TWO}::2]/`).hostname.slice(1, -1);
  await until('the edge writes its buffered log', async () =>
    (await docker(['logs', `${space.project}-edge-1`])).stdout.includes(`"client":"${written}"`),
  );
});

test('the certificate is proven where it is served, and health is good', async () => {
  const health = parsed<{ checks: { id: string; status: string }[] }>(await space.run(['health', '--json']));
  expect(health.checks.filter(({ status }) => status === 'fail')).toEqual([]);
});

test('an operator’s IPv6 network is served during maintenance, another is not; one address alone closes the other family', async () => {
  space.configure({ profile: 'dev-compose', edge: { address: '::', operators: [`${TWO}::/64`] } });
  expect((await space.run(['up'])).status).toBe(0);
  expect((await space.run(['maintenance', 'on'])).status).toBe(0);
  expect(await visit(`${ONE}::2`, '/')).toBe(503);
  expect(await visit(`${TWO}::2`, '/')).toBe(200);
  await expect(portal(space, '/api/health')).rejects.toThrow(/ECONNREFUSED/);
});

test('back on IPv4 alone the network has no IPv6 any more', async () => {
  space.configure({ profile: 'dev-compose' });
  const planned = await space.run(['plan']);
  expect(planned.stdout).toMatch(/edge.*(address range or reach|ports)/s);
  expect((await space.run(['up'])).status).toBe(0);
  expect((await space.run(['maintenance', 'off'])).status).toBe(0);
  await ready(portal, space);
  expect((await docker(['network', 'inspect', '--format', '{{.EnableIPv6}}', `${space.project}_dmz`])).stdout.trim()).toBe('false');
  expect((await space.run(['down', '--volumes', '--no-backup', '--yes'])).status).toBe(0);
});

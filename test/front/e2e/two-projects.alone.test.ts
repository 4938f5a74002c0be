import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { frontPlace } from '../../../src/front/store.ts';
import { docker, type Run } from '../../support/cli.ts';
import { loadOn, under } from '../../support/load/load.ts';
import { ONE_SERVER_EACH } from '../../support/load/load-stack.ts';
import { type JsonError, parsed, portal, ready, request, until } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const env = { XDG_STATE_HOME: temporaryFolder('two-fronts') };
const place = frontPlace(env);
const NAMES = { first: 'localhost', second: 'shop.example.org' };
/** Each by a connection of its own, which the front has to pass on. The edge has it in its cache: a second stack that starts may starve an application. */
const LOAD = { rate: 50, fresh: true, postEvery: 0, paths: ['/app.css'] };
let first: Workspace;
let second: Workspace;

const medianest = (space: Workspace, ...args: string[]): Promise<Run> => space.run(args, { env });
const good = async (space: Workspace, ...args: string[]): Promise<Run> => {
  const ended = await medianest(space, ...args);
  expect([args, ended.status, ended.stderr]).toEqual([args, 0, expect.any(String)]);
  return ended;
};

/** prod’s shape with one server each, and the smallest that has an edge. Both on the first one’s ports. */
const configure = (space: Workspace, edge: Record<string, unknown> = {}) => {
  const shared = { shared: true, httpPort: first.httpPort, httpsPort: first.httpsPort, rateLimit: false, ...edge };
  if (space === first)
    space.configure({
      profile: 'staging',
      ...ONE_SERVER_EACH,
      edge: { ...shared, domains: [NAMES.first, 'media.example.org'], waf: { mode: 'block' } },
      app: { replicas: 1 },
    });
  else space.configure({ profile: 'dev-compose', components: { balancer: true }, edge: { ...shared, domains: [NAMES.second], ...edge } });
};

/** The second project’s portal by its name, which no DNS knows. */
const shop: typeof portal = (space, url, options = {}) =>
  request(`https://127.0.0.1:${first.httpsPort}${url}`, {
    ca: readFileSync(path.join(space.state, 'ca/root.crt')),
    servername: NAMES.second,
    headers: { host: NAMES.second, connection: 'close' },
    ...options,
  });

const networksOf = async (name: string): Promise<string[]> =>
  Object.keys(JSON.parse((await docker(['inspect', '--format', '{{json .NetworkSettings.Networks}}', name])).stdout) as object);

beforeAll(async () => {
  first = await workspace('front-a');
  second = await workspace('front-b');
  configure(first);
  configure(second);
});
afterAll(async () => {
  await first?.destroy();
  await second?.destroy();
  await docker(['rm', '--force', `${place.name}-front-1`]);
});

test('the first project brings the front up with itself, and a second `up` changes nothing', async () => {
  await good(first, 'up');
  await ready(portal, first);
  expect(parsed<{ result: string }>(await good(first, 'up', '--json')).result).toBe('unchanged');
  expect((await docker(['port', `${first.project}-edge-1`])).stdout).toBe('');
});

test('a second project comes, restarts its edge and is seen by its own name alone, and the first drops no request', async () => {
  const load = await loadOn(first, LOAD);
  const { report } = await under(load, async () => {
    await good(second, 'up');
    await ready(shop, second);
    await good(second, 'restart', 'edge');
    await until('the shop is served again', async () => (await shop(second, '/api/health').catch(() => undefined))?.status === 200, 60);
  });
  expect(report.failures).toEqual([]);
  expect(report.sent).toBeGreaterThan(100);
  await expect(shop(second, '/', { servername: 'other.example.org' })).rejects.toThrow(/disconnected|ECONNRESET|hang up/);
  const plain = await request(`http://127.0.0.1:${first.httpPort}/x`, { headers: { host: NAMES.second, connection: 'close' } });
  expect([plain.status, plain.headers.location]).toEqual([308, `https://${NAMES.second}:${first.httpsPort}/x`]);
}, 180_000);

test('each edge knows the visitor’s own address: in its log, and to its WAF', async () => {
  const attack = await portal(first, '/api/search?query=%27%20OR%201%3D1%20UNION%20SELECT%20password%20FROM%20users--', {
    headers: { 'x-forwarded-for': '6.6.6.6', 'user-agent': 'curl/8', connection: 'close' },
  });
  expect(attack.status).toBe(403);
  const log = async () => (await docker(['logs', '--tail', '400', `${first.project}-edge-1`])).stdout;
  await until('the edge writes its buffered log', async () => (await log()).includes('"status":403'));
  const client = /"client":"([^"]+)"[^\n]*"status":403/.exec(await log())?.[1];
  // How Docker shows this host to its containers.
  expect(client).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  const found = parsed<{ entries: { client: string }[] }>(await good(first, 'waf', 'log', '--json'));
  expect(found.entries.map((entry) => entry.client)).toContain(client);
});

test('the two share no network, and each edge has its own sockets alone', async () => {
  const [one, other] = [await networksOf(`${first.project}-edge-1`), await networksOf(`${second.project}-edge-1`)];
  expect(one.filter((name) => other.includes(name))).toEqual([]);
  expect(await networksOf(`${place.name}-front-1`)).toEqual(['bridge']);
  const { stdout } = await docker(['exec', `${second.project}-edge-1`, 'ls', '/run/front']);
  expect(stdout.split('\n').filter(Boolean)).toEqual(['http.sock', 'tls.sock']);
  // What asks an edge past the front says nothing of its client that counts: the listener takes no PROXY header.
  const spoof = "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'PROXY TCP4 6.6.6.6 1.1.1.1 1 1\\r\\nGET / HTTP/1.0\\r\\n\\r\\n' >&3; head -1 <&3";
  expect((await docker(['exec', `${first.project}-edge-1`, 'bash', '-c', spoof])).stdout).toMatch(/400/);
});

test('a name that the other project has is refused, with its owner', async () => {
  configure(second, { domains: [NAMES.second, 'media.example.org'] });
  const planned = await medianest(second, 'plan', '--json');
  expect(parsed<JsonError>(planned).error).toMatchObject({
    code: 'ALREADY_THERE',
    message: expect.stringContaining(`media.example.org is served by the project ${first.project} (${first.state})`),
  });
  configure(second);
});

test('health, doctor, status and the picture know the front', async () => {
  const health = parsed<{ checks: { id: string; status: string }[] }>(await medianest(first, 'health', '--json'));
  expect(health.checks).toContainEqual(expect.objectContaining({ id: 'front', status: 'ok' }));
  const doctor = parsed<{ checks: { id: string; status: string }[] }>(await medianest(first, 'doctor', '--json'));
  expect(doctor.checks.find(({ id }) => id === `port.${first.httpsPort}`)?.status).toBe('ok');
  expect((await good(first, 'status')).stdout).toContain(`shared with ${second.project}`);
  expect((await good(first, 'topology')).stdout).toContain(`127.0.0.1:${first.httpsPort} (front)`);
  expect((await good(first, 'front', 'status')).stdout).toContain(NAMES.second);
  const rules = parsed<{ ports: { name: string; port: number }[] }>(await medianest(first, 'firewall', 'plan', '--json'));
  expect(rules.ports).toContainEqual(expect.objectContaining({ name: 'edge.httpsPort', port: first.httpsPort }));
  await docker(['stop', '--time', '1', `${place.name}-front-1`]);
  const stopped = parsed<{ checks: { id: string; status: string }[] }>(await medianest(first, 'health', '--json'));
  expect(stopped.checks).toContainEqual(expect.objectContaining({ id: 'front', status: 'fail' }));
  await good(second, 'up');
  await ready(portal, first);
});

test('the second goes while the first serves', async () => {
  const load = await loadOn(first, LOAD);
  const { report } = await under(load, () => good(second, 'uninstall', '--confirm', second.project));
  expect(report.failures).toEqual([]);
  const unknown = { servername: NAMES.second, rejectUnauthorized: false };
  await expect(request(`https://127.0.0.1:${first.httpsPort}/`, unknown)).rejects.toThrow(/disconnected|ECONNRESET|hang up/);
  expect((await good(first, 'status')).stdout).toContain('no other project shares it');
});

test('the ports change hands: the project’s own again, the front’s again, and with the last project the front is gone', async () => {
  const fronts = async () => (await docker(['ps', '--all', '--quiet', '--filter', `name=${place.name}`])).stdout;
  const ports = async () => (await docker(['port', `${first.project}-edge-1`])).stdout;
  configure(first, { shared: false });
  await good(first, 'up');
  await ready(portal, first);
  expect([await fronts(), await ports()]).toEqual(['', expect.stringContaining(`127.0.0.1:${first.httpsPort}`)]);
  configure(first);
  await good(first, 'up');
  await ready(portal, first);
  expect([await fronts(), await ports()]).toEqual([expect.stringMatching(/./), '']);
  await good(first, 'down');
  expect([await fronts(), existsSync(place.root)]).toEqual(['', false]);
});

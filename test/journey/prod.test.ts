import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker, type Run } from '../support/cli.ts';
import { badApp } from '../support/load/bad-apps.ts';
import { container, destroyProd, prodStack, versionOf } from '../support/load/load-stack.ts';
import { ask, audit, changedServices, containers, identities, parsed, portal as stranger, titles, until } from '../support/stack.ts';
import type { Workspace } from '../support/workspace.ts';

// One stack of prod, and an operator's life with it: each capability once, for real, and what people wrote is there after each. It has
// prod's sign-on: people's part is played by a program with a token.

let space: Workspace;
/** The titles of all requests that were acknowledged, the latest first. */
const asked: string[] = [];
let authorization = '';
const UPLOADED = 'a letter, kept';

interface Topology {
  topology: { groups: { nodes: { name: string; role?: string; state: string }[] }[] };
}

async function done(...args: string[]): Promise<Run> {
  const run = await space.run(args);
  if (run.status !== 0) throw new Error(`${args.join(' ')}: status ${run.status}\n${run.stdout}\n${run.stderr.slice(-3000)}`);
  return run;
}

const portal: typeof stranger = (at, url, options = {}) =>
  stranger(at, url, {
    ...options,
    headers: { ...(options.body !== undefined && { 'content-type': 'application/json' }), authorization, ...options.headers },
  });

/** A key of the cache, by its own program. */
const cache = async (...argv: string[]): Promise<string> => {
  const call =
    'REDISCLI_AUTH=$(cat /run/secrets/redis-password-a) exec redis-cli -c --tls --cacert /run/trust/internal-ca.pem --user medianest "$@"';
  return (await docker(['exec', container(space, 'redis-1'), 'sh', '-c', call, 'sh', ...argv])).stdout.trim();
};

const write = async (title: string) => {
  await ask(portal, space, title);
  asked.unshift(title);
};

/** All three kinds of data: requests in the database, a key in the cache, a file in the uploads. */
async function everythingIsThere(): Promise<void> {
  expect((await titles(portal, space)).sort()).toEqual([...asked].sort());
  expect(await cache('GET', 'journey')).toBe('Ada');
  const { stdout } = await docker(['exec', container(space, 'app-1'), 'cat', '/srv/uploads/letter.txt']);
  expect(stdout).toBe(UPLOADED);
}

/** As `whole` elsewhere: no check fails or warns, the synchronous standby included. */
const well = () => until('every check is ok', async () => (await space.run(['health'])).status === 0, 180);

const nodes = async () => {
  const { topology } = parsed<Topology>(await done('topology', '--live', '--json'));
  return topology.groups.flatMap((group) => group.nodes);
};
const leader = async () => (await nodes()).find(({ name, role }) => /^postgres-/.test(name) && role === 'leader')?.name;

beforeAll(async () => {
  space = await prodStack(
    'journey',
    { replicas: 2, settleSeconds: 2 },
    { observability: 'light', backup: { archiveSeconds: 10 }, components: { 'sign-on': undefined } },
  );
}, 900_000);
afterAll(() => space && destroyProd(space));

test('prod runs, and what people write is kept', async () => {
  expect(parsed(await done('status', '--json'))).toMatchObject({ profile: 'prod', state: 'running' });
  expect((await stranger(space, '/api/requests')).status).toBe(401);
  const ends = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
  const { token } = parsed<{ token: string }>(
    await done('users', 'token', 'add', 'journey', '--role', 'operator', '--until', ends, '--json'),
  );
  authorization = `Bearer ${token}`;
  await write('the first');
  expect(await cache('SET', 'journey', 'Ada')).toBe('OK');
  const upload = ['exec', container(space, 'app-1'), 'sh', '-c', 'printf %s "$1" >/srv/uploads/letter.txt', 'sh', UPLOADED];
  expect((await docker(upload)).status).toBe(0);
  await everythingIsThere();
  expect((await space.run(['plan'])).status).toBe(0);
});

test('doctor finds nothing that fails beside a running stack', async () => {
  const { checks } = parsed<{ checks: { id: string; status: string }[] }>(
    await space.run(['doctor', '--json', '--only', 'engine,settings,state']),
  );
  expect(checks.length).toBeGreaterThan(0);
  expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
});

test('health asks each listener for its certificate, and leaves no failed handshake in a log', async () => {
  await well();
  for (const service of ['postgres-1', 'postgres-2', 'etcd-1', 'etcd-2', 'etcd-3', 'redis-1']) {
    const { stdout, stderr } = await docker(['logs', container(space, service)]);
    expect(`${stdout}${stderr}`).not.toMatch(/verify failed|failed to verify|local issuer/i);
  }
});

test('a deploy replaces the replicas alone, and a rollback brings the former image back', async () => {
  const before = await identities(space.project);
  await done('deploy', '--image', badApp('good-2'));
  expect(changedServices(before, await identities(space.project))).toEqual(['app-1', 'app-2']);
  expect(await versionOf(space, 'app-1')).toBe('good-2');
  await write('after the deploy');
  await done('rollback');
  expect(await versionOf(space, 'app-1')).toBe('good');
  await everythingIsThere();
});

test('scale to 3 and back', async () => {
  const replicas = async () =>
    (await containers(space.project)).filter(({ service }) => /^app-\d$/.test(service)).map(({ health }) => health);
  await done('scale', 'app=3');
  expect(await replicas()).toEqual(['healthy', 'healthy', 'healthy']);
  await done('scale', 'app=2');
  expect(await replicas()).toEqual(['healthy', 'healthy']);
  await everythingIsThere();
});

test('a switchover: the other member leads, and the topology shows it', async () => {
  const before = await leader();
  expect(before).toMatch(/^postgres-[12]$/);
  const { leader: after } = parsed<{ leader: string }>(await done('switchover', '--json'));
  expect(after).not.toBe(before);
  await until('the topology shows it', async () => (await leader()) === after);
  const asked = ['psql', '-U', 'postgres', '-XAt', '-c', 'SELECT pg_is_in_recovery()'];
  expect((await done('exec', 'postgres', '--', ...asked)).stdout).toBe('f\n');
  await write('after the switchover');
  await well();
  await everythingIsThere();
});

test('a secret is rotated', async () => {
  await done('secrets', 'rotate', 'database-password');
  await write('after the rotation');
  await everythingIsThere();
  expect((await space.run(['plan'])).status).toBe(0);
});

test('every certificate is renewed, and the edge serves its new one', async () => {
  type Certificates = { certificates: { name: string; action: string; serial: string }[] };
  const { certificates } = parsed<Certificates>(await done('certs', 'renew', '--force', '--json'));
  expect(certificates.length).toBeGreaterThan(5);
  expect(certificates.filter(({ action }) => action !== 'renewed')).toEqual([]);
  const status = parsed<Certificates>(await done('certs', 'status', '--json'));
  expect(status.certificates.map(({ serial }) => serial)).toEqual(expect.arrayContaining(certificates.map(({ serial }) => serial)));
  await everythingIsThere();
});

test('an attack is refused and stands in the log of the WAF', async () => {
  const attack = await portal(space, `/?q=${encodeURIComponent('<script>alert(1)</script>')}`, {
    headers: { accept: 'text/html', 'user-agent': 'Mozilla/5.0', 'x-request-id': 'journey-attack' },
  });
  expect(attack.status).toBe(403);
  const blocked = async () => {
    const { entries } = parsed<{ entries: { requestId: string; blocked: boolean }[] }>(
      await done('waf', 'log', '--since', '10m', '--json'),
    );
    return entries.some((entry) => entry.requestId === 'journey-attack' && entry.blocked);
  };
  await until('the log tells of it', blocked);
});

test('a backup, a drill, and a restore in place: what was there comes back, and what came later is gone', {
  timeout: 600_000,
}, async () => {
  await done('backup', '--type', 'full');
  expect(parsed<{ backups: { type: string }[] }>(await done('backup', 'list', '--json')).backups.map(({ type }) => type)).toContain('full');
  const drill = parsed<{ checks: { status: string }[] }>(await done('drill', '--json'));
  expect(drill.checks.filter(({ status }) => status !== 'ok')).toEqual([]);
  const [{ id } = { id: '' }] = parsed<{ backups: { id: string }[] }>(await done('backup', 'list', '--json')).backups;
  await ask(portal, space, 'too late');
  expect((await docker(['exec', container(space, 'app-1'), 'rm', '/srv/uploads/letter.txt'])).status).toBe(0);
  const restored = parsed<{ checks: { status: string }[] }>(await done('restore', id, '--yes', '--json'));
  expect(restored.checks.map(({ status }) => status)).not.toContain('fail');
  await everythingIsThere();
});

test('all is well again: health, status, and a line of the audit log for each change', async () => {
  await well();
  const { services } = parsed<{ services: { name: string; state: string }[] }>(await done('status', '--json'));
  expect(services.filter(({ state }) => state !== 'running')).toEqual([]);
  expect((await nodes()).length).toBeGreaterThan(10);
  const commands = audit(space).filter(({ result }) => result === 'done');
  const expected = ['up', 'deploy', 'rollback', 'scale', 'switchover', 'secrets rotate', 'certs renew', 'backup', 'restore'];
  expect(commands.map(({ command }) => expected.find((one) => command.startsWith(`medianest ${one}`)))).toEqual(
    expect.arrayContaining(expected),
  );
});

test('down --volumes leaves nothing', async () => {
  await done('down', '--volumes', '--yes', '--no-backup');
  const left = async (...list: string[]) =>
    (await docker([...list, '--quiet', '--filter', `label=com.docker.compose.project=${space.project}`])).stdout;
  expect([await left('ps', '--all'), await left('volume', 'ls'), await left('network', 'ls')]).toEqual(['', '', '']);
});

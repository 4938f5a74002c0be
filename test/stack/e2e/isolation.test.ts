import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type OlderEngine, olderEngine } from '../../support/engine/older-engine.ts';
import { type Reach, reachFromService } from '../../support/network/reach.ts';
import { composeOf, printed } from '../../support/network/segments-stack.ts';
import { ask, changedServices, identities, parsed, portal, ready, titles } from '../../support/stack.ts';
import { PREFIX, type Workspace, workspace } from '../../support/workspace.ts';

interface Planned {
  changes: { service: string; action: string; cause: string; downtime: string; dataRisk: string }[];
}
interface Diagnosis {
  checks: { id: string; status: string; message: string; remedy?: string }[];
}

const GUEST = `${PREFIX}-isolation-guest`;

let space: Workspace;
let older: OlderEngine;
/** Something of this host's own: a NAS's pages, a hypervisor's, the engine's metrics. */
let own: net.Server;
let port: number;

beforeAll(async () => {
  await docker(['rm', '--force', GUEST]);
  own = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => own.listen(0, '0.0.0.0', resolve));
  ({ port } = own.address() as { port: number });
  older = await olderEngine();
  space = await workspace('isolation');
  space.configure({ profile: 'dev-compose' });
});
afterAll(async () => {
  await docker(['rm', '--force', GUEST]);
  await space?.destroy();
  older?.remove();
  own?.close();
});

const gateway = (network: string) => composeOf(space).networks[network]?.ipam.config[0]?.subnet.replace(/0\/\d+$/, '1');

/** Whether each service reaches this host's listener by way of its networks' first addresses. */
async function hostReached(): Promise<Record<string, Reach>> {
  const of: [string, string][] = [
    ['postgres', 'db'],
    ['redis', 'db'],
    ['app-1', 'db'],
    ['app-1', 'app'],
    ['edge', 'app'],
  ];
  const found = of.map(async ([service, network]) => {
    const target = `${gateway(network)}:${port}`;
    return [`${service} by ${network}`, (await reachFromService(space, service, [target]))[target]] as [string, Reach];
  });
  return Object.fromEntries(await Promise.all(found));
}

const finding = async (env?: Record<string, string>) =>
  parsed<Diagnosis>(await space.run(['doctor', '--json'], { ...(env && { env }) })).checks.find(({ id }) => id === 'networks.isolated');

test('an engine before 28: containers reach what this host listens on, and doctor says so', async () => {
  const up = await space.run(['up'], { env: older.env });
  expect(up.stderr.slice(-2000) + String(up.status)).toMatch(/0$/);
  await ready(portal, space);
  await ask(portal, space, 'Before the upgrade');
  expect(new Set(Object.values(await hostReached()))).toEqual(new Set(['open']));
  expect(await finding(older.env)).toMatchObject({
    status: 'warn',
    message: expect.stringMatching(/reach what this host listens on, at .*: Docker Engine 27\.\S+ cannot prevent it/),
    remedy: expect.stringContaining('28'),
  });
  expect((await space.run(['up'], { env: older.env })).stdout).toContain('Nothing to do');
});

test('after the engine’s upgrade, no command but up replaces networks, and none while another container is in them', async () => {
  expect(await finding()).toMatchObject({ status: 'warn', remedy: expect.stringContaining('medianest up') });
  const before = await identities(space.project);
  const image = composeOf(space).services.redis?.image as string;
  const network = `${space.project}_db`;
  const guest = ['run', '--detach', '--init', '--name', GUEST, '--network', network, '--entrypoint', 'sleep', image, '600'];
  expect((await docker(guest)).status).toBe(0);
  const up = await space.run(['up']);
  expect([up.status, up.stdout]).toEqual([0, expect.stringContaining('Nothing to do')]);
  expect(up.stderr).toContain(`${GUEST} is in ${network}`);
  expect(up.stderr).toContain(`docker network disconnect --force ${network} ${GUEST}`);
  // Another range would need a new network all the same: that is refused before anything stops.
  space.configure({ profile: 'dev-compose', networks: { db: { subnet: '10.49.7.0/24' } } });
  const moved = await space.run(['up', '--json']);
  expect(parsed<{ error: object }>(moved).error).toMatchObject({ code: 'NETWORK_SHARED', message: expect.stringContaining(GUEST) });
  space.configure({ profile: 'dev-compose' });
  await docker(['rm', '--force', GUEST]);
  // Of its own accord, a command about something else changes only that.
  expect((await space.run(['maintenance', 'on'])).status).toBe(0);
  expect((await space.run(['maintenance', 'off'])).status).toBe(0);
  expect(changedServices(before, await identities(space.project))).toEqual([]);
});

test('up then replaces the internal networks, as its plan says, and keeps all data', async () => {
  const plan = parsed<Planned>(await space.run(['plan', '--json']));
  const replaced = plan.changes.filter(({ action }) => action !== 'keep');
  expect(replaced.map(({ service, action }) => [service, action]).sort()).toEqual(
    ['app-1', 'edge', 'postgres', 'redis'].map((service) => [service, 'recreate']),
  );
  for (const { cause, downtime, dataRisk } of replaced)
    expect({ cause, downtime, dataRisk }).toEqual({
      cause: expect.stringContaining('the address range or reach of its networks'),
      downtime: expect.stringMatching(/^about a minute: its network is replaced, and all containers in it at once$/),
      dataRisk: 'none',
    });
  const begun = performance.now();
  const up = await space.run(['up']);
  expect(up.stderr.slice(-2000) + String(up.status)).toMatch(/0$/);
  process.stderr.write(`isolation: up with new networks took ${Math.round((performance.now() - begun) / 1000)} s\n`);
  await ready(portal, space);
  expect(await titles(portal, space)).toContain('Before the upgrade');
  expect(new Set(Object.values(await hostReached()))).toEqual(new Set(['silent']));
  // The control: the network with the published ports is not internal.
  const target = `${gateway('dmz')}:${port}`;
  expect(await reachFromService(space, 'edge', [target])).toEqual({ [target]: 'open' });
  expect(await finding()).toMatchObject({ status: 'ok' });
  expect((await space.run(['up'])).stdout).toContain('Nothing to do');
});

test('names are resolved inside, the ranges stay, and certificates are seen as they are served', async () => {
  expect(await printed(space, 'app-1', ['getent', 'hosts', 'postgres'])).toContain(
    composeOf(space).services.postgres?.networks?.db?.ipv4_address,
  );
  const remembered = JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as Record<string, unknown>;
  expect(remembered.isolated).toBe(true);
  const { certificates } = parsed<{ certificates: { serial: string; servedSerial: string }[] }>(
    await space.run(['certs', 'status', '--json']),
  );
  expect(certificates.map(({ servedSerial }) => servedSerial)).toEqual(certificates.map(({ serial }) => serial));
});

test('an internal network that the operator opens is made as they say', async () => {
  space.write('.medianest/compose.override.yml', 'networks:\n  db: { internal: false }\n');
  const up = await space.run(['up']);
  expect(up.stderr.slice(-2000) + String(up.status)).toMatch(/0$/);
  expect(await titles(portal, space)).toContain('Before the upgrade');
  const target = `${gateway('db')}:${port}`;
  expect(await reachFromService(space, 'postgres', [target])).toEqual({ [target]: 'open' });
});

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, run } from '../../support/cli.ts';
import { type FarWorld, farWorld } from '../../support/network/far-world.ts';
import { answerOutside } from '../../support/network/outside.ts';
import { type Reach, reachFromService } from '../../support/network/reach.ts';
import { composeOf, inside, printed, reachedAt } from '../../support/network/segments-stack.ts';
import { ask, changedServices, identities, parsed, portal, titles, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

interface Planned {
  changes: { service: string; action: string; cause: string; downtime: string; dataRisk: string }[];
}

let space: Workspace;
let world: FarWorld;
/** Something of this host's own, which listens on all its addresses. */
let own: net.Server;

const call: typeof portal = (workspace, url, options) => portal(workspace, url, { ...reachedAt(world.host), ...options });

/** Plex by its name, Uptime Kuma by its address. */
const EXTERNAL = () => ({
  plex: { url: `http://${world.name}:${world.plex}`, token: 'token-of-plex' },
  uptimeKuma: { url: `http://${world.address}:${world.kuma}` },
});

const configure = (external: object = EXTERNAL()) =>
  space.configure({ profile: 'dev-compose', edge: { address: world.host }, external: { ...external } });

/** These containers ask the name server of the world outside, if it is for them to ask. */
const asksTheWorld = (...services: string[]) =>
  space.write(
    '.medianest/compose.override.yml',
    `services:\n${services.map((name) => `  ${name}: { dns: [${world.address}] }\n`).join('')}`,
  );

async function up(): Promise<void> {
  const { stderr, status } = await space.run(['up']);
  expect(stderr.slice(-2000) + String(status)).toMatch(/0$/);
}

const states = async () =>
  JSON.parse((await call(space, '/api/status')).body).services as Record<string, { status: string; version?: string; message: string }>;

const remembered = () => JSON.parse(readFileSync(path.join(space.state, 'subnets.json'), 'utf8')) as Record<string, unknown>;

/** What a request gets from inside a container; nothing where the connection is closed, or was never made. */
const answer = async (service: string, target: string): Promise<string> => {
  const script = `exec 3<>/dev/tcp/${target.replace(':', '/')} && printf 'GET /identity HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n' >&3 && timeout 5 head -1 <&3`;
  return (await inside(space, service, ['timeout', '8', 'bash', '-c', script])).stdout.trim();
};

const way = (service: string, network: string) => composeOf(space).services[service]?.networks?.[network]?.ipv4_address as string;

beforeAll(async () => {
  own = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => own.listen(0, '0.0.0.0', resolve));
  world = await farWorld();
  space = await workspace('egress');
  configure({});
  await up();
  await ask(call, space, 'Before the upgrade');
});
afterAll(async () => {
  await space?.destroy();
  await world?.destroy();
  own?.close();
});

describe('a stack of an earlier version, whose application is in the open', () => {
  beforeAll(async () => {
    // As that has left it: neither the network nor the choice is known, and Plex is named by its address.
    const { appClosed: _, out: __, ...before } = remembered();
    writeFileSync(path.join(space.state, 'subnets.json'), JSON.stringify(before));
    configure({ uptimeKuma: EXTERNAL().uptimeKuma });
    const rendered = await space.run(['render'], { env: { DOCKER_HOST: 'unix:///nowhere' } });
    expect(rendered.stderr.slice(-2000) + String(rendered.status)).toMatch(/0$/);
    const files = ['--project-directory', space.state, '--file', path.join(space.state, 'current/compose.yml')];
    const started = await docker(['compose', '--project-name', space.project, ...files, 'up', '--detach', '--wait']);
    expect(started.stderr.slice(-2000) + String(started.status)).toMatch(/0$/);
  });

  test('stays so under any command but up', async () => {
    expect(await reachFromService(space, 'app-1', [world.server])).toEqual({ [world.server]: 'open' });
    const before = await identities(space.project);
    expect((await space.run(['maintenance', 'on'])).status).toBe(0);
    expect((await space.run(['maintenance', 'off'])).status).toBe(0);
    expect(changedServices(before, await identities(space.project))).toEqual([]);
    expect(await reachFromService(space, 'app-1', [world.server])).toEqual({ [world.server]: 'open' });
  });

  test('is closed by up, as its plan says, and keeps its data', async () => {
    const planned = parsed<Planned>(await space.run(['plan', '--json']));
    const changes = planned.changes.filter(({ action }) => action !== 'keep');
    expect(changes.map(({ service, action }) => `${action} ${service}`).sort()).toEqual([
      'create egress-uptime-kuma',
      'recreate app-1',
      'recreate edge',
    ]);
    for (const { cause, downtime, dataRisk } of changes.filter(({ action }) => action === 'recreate'))
      expect({ cause, downtime, dataRisk }).toEqual({
        cause: expect.stringContaining('the address range or reach of its networks'),
        downtime: expect.stringMatching(/^about a minute: its network is replaced, and all containers in it at once$/),
        dataRisk: 'none',
      });
    await up();
    expect(remembered()).toMatchObject({ appClosed: true, out: expect.stringMatching(/\/24$/) });
    expect(await titles(call, space)).toContain('Before the upgrade');
    expect(await reachFromService(space, 'app-1', [world.server])).toEqual({ [world.server]: 'silent' });
    expect((await states())['uptime-kuma']).toMatchObject({ status: 'up' });
    expect((await space.run(['up'])).stdout).toContain('Nothing to do');
  });
});

describe('an application for which hosts outside are named', () => {
  beforeAll(async () => {
    configure();
    asksTheWorld('app-1', 'egress-plex');
    await up();
  });

  test('reaches them by name and by address, as the portal shows', async () => {
    await until('Plex is up', async () => (await states()).plex?.status === 'up', 30);
    expect(await states()).toMatchObject({
      plex: { status: 'up', version: '1.2.3' },
      'uptime-kuma': { status: 'up' },
      overseerr: { status: 'not-configured' },
    });
    // The request is the one that it was: host and token.
    expect(await world.seen()).toContainEqual({ port: world.plex, host: `${world.name}:${world.plex}`, token: 'token-of-plex' });
  });

  test('checks the certificate of the host outside itself: TLS passes through', async () => {
    const external = EXTERNAL();
    configure({ ...external, overseerr: { url: `https://${world.name}:${world.tls}`, apiKey: 'key' } });
    await up();
    // The same host, so the same container: its name leads to one address.
    expect(Object.keys(composeOf(space).services).filter((name) => name.startsWith('egress'))).toEqual([
      'egress-plex',
      'egress-uptime-kuma',
    ]);
    const script = (name: string, ca: string) => `
      const tls = require('node:tls');
      const socket = tls.connect({ host: '${world.name}', port: ${world.tls}, servername: '${name}', ca: ${JSON.stringify(ca)} || undefined }, () => {
        console.log('trusted'); process.exit(0);
      });
      socket.on('error', (error) => { console.log(error.code); process.exit(0); });`;
    const node = (name: string, ca: string) => printed(space, 'app-1', ['node', '-e', script(name, ca)]);
    await until('the way leads there', async () => (await node(world.name, world.certificate)) === 'trusted', 30);
    expect(await node('another.example', world.certificate)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await node(world.name, '')).toMatch(/SELF_SIGNED/);
    expect((await states()).overseerr).toMatchObject({ status: 'down', message: 'Its certificate is not trusted' });
  });

  test('reaches no other address or port outside, no metadata, and nothing of this host', async () => {
    const { port } = own.address() as net.AddressInfo;
    const gateway = (name: string) => composeOf(space).networks[name]?.ipam.config[0]?.subnet.replace(/0\/\d+$/, '1');
    const targets = [
      world.server,
      `${world.address}:${world.plex}`,
      `${world.host}:${port}`,
      '169.254.169.254:80',
      '1.1.1.1:443',
      ...['app', 'db', 'dmz', 'out'].map((name) => `${gateway(name)}:${port}`),
      // The side on which the way leads out.
      `${way('egress-plex', 'out')}:${world.plex}`,
    ];
    const silent = Object.fromEntries(targets.map((target) => [target, 'silent' as Reach]));
    expect(await reachFromService(space, 'app-1', targets)).toEqual(silent);
    // The control: from the network that leads outside, these are there.
    expect(await reachFromService(space, 'egress-plex', [world.server, `${world.host}:${port}`])).toEqual({
      [world.server]: 'open',
      [`${world.host}:${port}`]: 'open',
    });
  });

  test('asks no name server outside, neither itself nor by Docker’s own', async () => {
    expect(await printed(space, 'egress-plex', ['getent', 'ahostsv4', world.name])).toContain(world.address);
    expect((await inside(space, 'app-1', ['getent', 'hosts', 'leak.egress.test'])).status).not.toBe(0);
    const direct = `require('node:dns').promises; const r = new (require('node:dns').promises.Resolver)({ timeout: 2000, tries: 1 }); r.setServers(['${world.address}']);
      r.resolve4('leak.egress.test').then(() => console.log('answered'), (error) => console.log(error.code));`;
    expect(await printed(space, 'app-1', ['node', '-e', direct])).toMatch(/TIMEOUT|REFUSED/);
    const asked = await world.asked();
    expect(asked).toContain(world.name);
    expect(asked.filter((name) => name.startsWith('leak'))).toEqual([]);
  });

  test('is the only one that gets through', async () => {
    const target = `${way('egress-plex', 'app')}:${world.plex}`;
    expect(await answer('app-1', target)).toBe('HTTP/1.1 200 OK');
    expect(await answer('edge', target)).toBe('');
  });

  test('loses sight of a host that is away, and of a name that nothing knows, and of no other', async () => {
    configure({ ...EXTERNAL(), plex: { url: `http://nothing.egress.test:${world.plex}` } });
    await up();
    await until('Plex is down', async () => (await states()).plex?.status === 'down', 30);
    expect((await states())['uptime-kuma']).toMatchObject({ status: 'up' });
    const health = (await docker(['inspect', '--format', '{{.State.Health.Status}}', `${space.project}-egress-plex-1`])).stdout.trim();
    expect(health).toBe('healthy');
    configure();
    await up();
    await until('Plex is up again', async () => (await states()).plex?.status === 'up', 30);
  });
});

describe('the published ports', () => {
  const answersAnotherMachine = async () => {
    expect(await answerOutside(world, space)).toBe('HTTP/1.1 200 OK');
  };

  test('lead to the network `dmz`: the edge has its only way out there', async () => {
    const routes = (await printed(space, 'edge', ['cat', '/proc/net/route'])).split('\n').map((line) => line.split('\t'));
    const [, , gateway = ''] = routes.find(([, destination, , flags]) => destination === '00000000' && flags === '0003') ?? [];
    const address = (gateway.match(/../g) ?? []).reverse().map((hex) => Number.parseInt(hex, 16));
    expect(address.join('.')).toBe(composeOf(space).networks.dmz?.ipam.config[0]?.subnet.replace(/0\/\d+$/, '1'));
    const rules = await run('iptables', ['-t', 'nat', '-S', 'DOCKER']);
    const ours = rules.stdout.split('\n').filter((rule) => new RegExp(`--dport (${space.httpPort}|${space.httpsPort}) `).test(rule));
    expect(ours.map((rule) => /--to-destination ([\d.]+):/.exec(rule)?.[1])).toEqual([way('edge', 'dmz'), way('edge', 'dmz')]);
  });

  test('answer another machine', answersAnotherMachine);

  test('and the edge gets no answer from outside, unless its certificate’s issuer has to be asked or the operator opens `dmz`', async () => {
    const edgeReaches = () => reachFromService(space, 'edge', [world.server]);
    expect(await edgeReaches()).toEqual({ [world.server]: 'silent' });
    // As docs/security.md has it.
    const option = 'com.docker.network.bridge.enable_ip_masquerade';
    space.write('.medianest/compose.override.yml', `networks:\n  dmz: { driver_opts: { ${option}: "true" } }\n`);
    await up();
    expect(await edgeReaches()).toEqual({ [world.server]: 'open' });
    await answersAnotherMachine();
    rmSync(path.join(space.state, 'compose.override.yml'));
    await up();
    expect(await edgeReaches()).toEqual({ [world.server]: 'silent' });
    await answersAnotherMachine();
    expect(await titles(call, space)).toContain('Before the upgrade');
  });
});

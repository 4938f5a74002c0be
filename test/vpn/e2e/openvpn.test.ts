import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { editedEdge, type VpnPeer, vpnPeer } from '../../support/network/vpn-peer.ts';
import { identities, type JsonError, parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SERVER = '10.60.144.1';
const DATABASE = '10.60.144.2';

interface Listed {
  engine: string | null;
  publicKey: string | null;
  peers: { name: string; address: string; role: string; state: string; publicKey: string; lastHandshake?: string }[];
}

let space: Workspace;
let phone: VpnPeer;
let laptop: VpnPeer;
let container: string;
let before: string | undefined;

const must = async (...args: string[]) => {
  const ended = await space.run(args);
  expect(ended, ended.stderr).toMatchObject({ status: 0 });
  return ended;
};
const read = (name: string) => readFileSync(path.join(space.dir, `${name}.ovpn`), 'utf8');
const configuration = (name: string, peer: VpnPeer) => read(name).replace(/^remote .*$/m, `remote ${peer.host} ${space.devPort}`);
const listed = async () => parsed<Listed>(await must('vpn', 'list', '--json'));
const identity = async () => (await identities(space.project)).vpn;
const connected = (peer: VpnPeer, seconds?: number) => until('the peer is connected', () => peer.reaches(SERVER, space.httpPort), seconds);

beforeAll(async () => {
  space = await workspace('openvpn');
  space.configure({
    profile: 'dev-compose',
    components: { vpn: true, backup: false, agent: false, 'engine-proxy': false } as Record<string, unknown>,
    edge: { address: '127.0.0.1', domains: ['media.example.org'] },
    vpn: { engine: 'openvpn', port: space.devPort, alsoReach: ['postgres:5432'] },
  });
  await must('up');
  container = `${space.project}-vpn-1`;
  const image = (await docker(['inspect', '--format', '{{.Config.Image}}', container])).stdout.trim();
  [phone, laptop] = await Promise.all([vpnPeer(image), vpnPeer(image)]);
  before = await identity();
});
afterAll(async () => {
  await Promise.all([phone?.destroy(), laptop?.destroy()]);
  await space?.destroy();
});

test('two peers that are added at the same time are both let in, each to what its role may', async () => {
  const [one, two] = await Promise.all([
    space.run(['vpn', 'add', 'phone', '--json', '--wait-lock=60']),
    space.run(['vpn', 'add', 'laptop', '--role', 'admin', '--json', '--wait-lock=60']),
  ]);
  expect([one.status, two.status], one.stderr + two.stderr).toEqual([0, 0]);
  expect(statSync(path.join(space.dir, 'phone.ovpn')).mode & 0o777).toBe(0o600);
  const [, key = ''] = /<key>\n-----BEGIN PRIVATE KEY-----\n(\S+)/.exec(read('phone')) ?? [];
  expect(key.length).toBe(64);
  for (const file of ['orders.json', 'secrets.json']) expect(readFileSync(path.join(space.state, file), 'utf8')).not.toContain(key);
  // The CA signs on the host alone.
  const given = await docker(['exec', container, 'cat', '/run/secrets/vpn-openvpn']);
  expect(given.stdout.match(/PRIVATE KEY-----/g)).toHaveLength(2);
  await phone.connectOpenvpn(configuration('phone', phone));
  await laptop.connectOpenvpn(configuration('laptop', laptop));
  const matrix = async (peer: VpnPeer) => [
    await peer.reaches(SERVER, space.httpPort),
    await peer.reaches(DATABASE, 5432),
    await peer.reaches(SERVER, 22),
    await peer.reaches(SERVER, 7505),
  ];
  await connected(phone);
  expect(await matrix(phone)).toEqual([true, false, false, false]);
  await connected(laptop);
  expect(await matrix(laptop)).toEqual([true, true, false, false]);
  expect(await identity()).toBe(before);
  const { engine, peers } = await listed();
  expect(engine).toBe('openvpn');
  expect(peers.map(({ name, role, state }) => `${name} ${role} ${state}`).sort()).toEqual([
    'laptop admin connected',
    'phone member connected',
  ]);
});

test('what answers strangers has no root and no right, and who is let in is decided by the list, not by the CA alone', async () => {
  const { stdout } = await docker(['exec', container, 'bash', '-c', 'cat /proc/$(cat /run/vpn/openvpn)/status']);
  expect(stdout).toMatch(/^Name:\s+openvpn$/m);
  expect(stdout).toMatch(/^Uid:\s+10060\s+10060\s+10060\s+10060$/m);
  for (const set of ['CapPrm', 'CapEff', 'CapAmb']) expect(stdout).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
  // Root reads nothing by a link that this user has laid.
  const plant = 'cd /run/openvpn && ln -s /run/secrets/vpn-openvpn phone && mkfifo laptop';
  expect(await docker(['exec', container, 'setpriv', '--reuid=10060', '--clear-groups', 'bash', '-c', plant])).toMatchObject({ status: 0 });
  const said = await docker(['exec', container, 'vpn', 'state']);
  expect([said.status, said.stdout.match(/^peer .* yes$/gm)?.length, said.stdout.includes('CERTIFICATE')]).toEqual([0, 2, false]);
  await docker(['exec', container, 'setpriv', '--reuid=10060', '--clear-groups', 'rm', '/run/openvpn/phone', '/run/openvpn/laptop']);
  const file = path.join(space.state, 'config', 'vpn', 'current', 'peers');
  const peers = readFileSync(file, 'utf8');
  writeFileSync(file, `${peers}x 0.0.0.0/0 - $(id)\n`);
  const judged = await docker(['exec', container, 'vpn', 'reload']);
  writeFileSync(file, peers);
  expect([judged.status, judged.stderr]).toEqual([1, expect.stringContaining('all stay as they are')]);
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(true);
});

test('fewer rights and an end are at once, for the connection that is open', async () => {
  await must('vpn', 'set', 'laptop', '--role', 'member');
  expect(await laptop.reaches(DATABASE, 5432)).toBe(false);
  const end = new Date(Date.now() + 8000).toISOString();
  await must('vpn', 'set', 'laptop', '--until', end);
  await until('the laptop is let in no more', async () => !(await laptop.reaches(SERVER, space.httpPort)), 20);
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end));
  expect((await listed()).peers.find(({ name }) => name === 'laptop')).toMatchObject({ state: 'ended' });
});

test('after OpenVPN was killed, and after the container was, a peer connects again by itself', async () => {
  const kill = 'setpriv --reuid 10060 --clear-groups bash -c "kill -9 $(cat /run/vpn/openvpn)"';
  expect(await docker(['exec', container, 'bash', '-c', kill])).toMatchObject({ status: 0 });
  await connected(phone, 60);
  const pid = (await docker(['inspect', '--format', '{{.State.Pid}}', container])).stdout.trim();
  const run = await identity();
  process.kill(Number(pid), 'SIGKILL');
  await until('there is another one', async () => (await identity()) !== run);
  await connected(phone, 60);
});

test('a new configuration of a peer replaces the old one at once; new keys of this host replace all', async () => {
  const now = await identity();
  const old = configuration('phone', phone);
  await must('vpn', 'rotate', 'phone', '--out', 'phone-2.ovpn');
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(false);
  // When it was last in, as the process without root has noted it.
  await until(
    'it has left',
    async () => (await listed()).peers.some(({ name, state, lastHandshake }) => name === 'phone' && state === 'idle' && lastHandshake),
    10,
  );
  await phone.connectOpenvpn(old);
  await new Promise((resolve) => setTimeout(resolve, 4000));
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(false);
  await phone.connectOpenvpn(configuration('phone-2', phone));
  await connected(phone);
  const { publicKey } = await listed();
  await must('vpn', 'rotate', '--yes');
  expect((await listed()).publicKey).not.toBe(publicKey);
  await until('the old CA is good no more', async () => !(await phone.reaches(SERVER, space.httpPort)), 10);
  const stateOf = async (peer: string) => (await listed()).peers.find(({ name }) => name === peer)?.state;
  expect([await stateOf('phone'), await stateOf('laptop')]).toEqual(['old-ca', 'ended']);
  const { checks } = parsed<{ checks: { id: string; message: string }[] }>(await space.run(['health', '--json']));
  expect(checks.find(({ id }) => id === 'vpn.ca')?.message).toMatch(/: phone$/);
  await must('vpn', 'rotate', 'phone', '--out', 'phone-3.ovpn');
  await phone.connectOpenvpn(configuration('phone-3', phone));
  await connected(phone);
  expect(await stateOf('phone')).toBe('connected');
  const log = readFileSync(path.join(space.state, 'audit.jsonl'), 'utf8');
  expect(log.split('\n').filter((line) => line.includes('makes the CA of OpenVPN') && line.includes('"done"'))).toHaveLength(2);
  expect(await identity()).toBe(now);
});

test('a peer that is removed while it is connected is cut off at once, also during an interrupted restore', async () => {
  const { file, edited } = editedEdge(space);
  writeFileSync(path.join(space.state, 'restoring.json'), JSON.stringify({ parts: [], target: 'x', at: '2026-11-30T12:00:00Z' }));
  const added = await space.run(['vpn', 'add', 'tablet', '--json']);
  expect([added.status, parsed<JsonError>(added).error.code]).toEqual([4, 'PARTIAL']);
  await must('vpn', 'remove', 'phone');
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe(edited);
  const state = await docker(['exec', container, 'vpn', 'state']);
  expect(state.stdout).not.toContain(' yes');
});

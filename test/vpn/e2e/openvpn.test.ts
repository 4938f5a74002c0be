import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import type { VpnPeer } from '../../support/network/vpn-peer.ts';
import {
  addBoth,
  DATABASE,
  damagedPeers,
  killedVpn,
  reducedLaptop,
  removedPhone,
  SERVER,
  type VpnStack,
  vpnStack,
} from '../../support/network/vpn-stack.ts';
import { parsed, until } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

let stack: VpnStack;
let phone: VpnPeer;
let laptop: VpnPeer;
let space: Workspace;

const must = (...args: string[]) => stack.must(...args);
const configuration = (name: string, peer: VpnPeer) =>
  stack.read(`${name}.ovpn`).replace(/^remote .*$/m, `remote ${peer.host} ${space.devPort}`);
const connected = (peer: VpnPeer, seconds?: number) => until('the peer is connected', () => peer.reaches(SERVER, space.httpPort), seconds);

beforeAll(async () => {
  stack = await vpnStack('openvpn', { engine: 'openvpn' });
  ({ phone, laptop, space } = stack);
});
afterAll(() => stack?.destroy());

test('two peers that are added at the same time are both let in, each to what its role may', async () => {
  await addBoth(stack);
  expect(statSync(path.join(space.dir, 'phone.ovpn')).mode & 0o777).toBe(0o600);
  const [, key = ''] = /<key>\n-----BEGIN PRIVATE KEY-----\n(\S+)/.exec(stack.read('phone.ovpn')) ?? [];
  expect(key.length).toBe(64);
  for (const file of ['orders.json', 'secrets.json']) expect(readFileSync(path.join(space.state, file), 'utf8')).not.toContain(key);
  // The CA signs on the host alone.
  const given = await docker(['exec', stack.container, 'cat', '/run/secrets/vpn-openvpn']);
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
  expect(await stack.identity()).toBe(stack.before);
  const { engine, peers } = await stack.listed();
  expect(engine).toBe('openvpn');
  expect(peers.map(({ name, role, state }) => `${name} ${role} ${state}`).sort()).toEqual([
    'laptop admin connected',
    'phone member connected',
  ]);
});

test('what answers strangers has no root and no right, and who is let in is decided by the list, not by the CA alone', async () => {
  const { stdout } = await docker(['exec', stack.container, 'bash', '-c', 'cat /proc/$(cat /run/vpn/openvpn)/status']);
  expect(stdout).toMatch(/^Name:\s+openvpn$/m);
  expect(stdout).toMatch(/^Uid:\s+10060\s+10060\s+10060\s+10060$/m);
  for (const set of ['CapPrm', 'CapEff', 'CapAmb']) expect(stdout).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
  // Root reads nothing by a link that this user has laid.
  const plant = 'cd /run/openvpn && ln -s /run/secrets/vpn-openvpn phone && mkfifo laptop';
  expect(await docker(['exec', stack.container, 'setpriv', '--reuid=10060', '--clear-groups', 'bash', '-c', plant])).toMatchObject({
    status: 0,
  });
  const said = await docker(['exec', stack.container, 'vpn', 'state']);
  expect([said.status, said.stdout.match(/^peer .* yes$/gm)?.length, said.stdout.includes('CERTIFICATE')]).toEqual([0, 2, false]);
  await docker(['exec', stack.container, 'setpriv', '--reuid=10060', '--clear-groups', 'rm', '/run/openvpn/phone', '/run/openvpn/laptop']);
  await damagedPeers(stack, (peers) => `${peers}x 0.0.0.0/0 - $(id)\n`);
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(true);
});

test('fewer rights and an end are at once, for the connection that is open', () => reducedLaptop(stack, 8));

test('after OpenVPN was killed, and after the container was, a peer connects again by itself', async () => {
  const kill = 'setpriv --reuid 10060 --clear-groups bash -c "kill -9 $(cat /run/vpn/openvpn)"';
  expect(await docker(['exec', stack.container, 'bash', '-c', kill])).toMatchObject({ status: 0 });
  await connected(phone, 60);
  await killedVpn(stack);
  await connected(phone, 60);
});

test('a new configuration of a peer replaces the old one at once; new keys of this host replace all', async () => {
  const now = await stack.identity();
  const old = configuration('phone', phone);
  await must('vpn', 'rotate', 'phone', '--out', 'phone-2.ovpn');
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(false);
  // When it was last in, as the process without root has noted it.
  await until(
    'it has left',
    async () =>
      (await stack.listed()).peers.some(({ name, state, lastHandshake }) => name === 'phone' && state === 'idle' && lastHandshake),
    10,
  );
  await phone.connectOpenvpn(old);
  await new Promise((resolve) => setTimeout(resolve, 4000));
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(false);
  await phone.connectOpenvpn(configuration('phone-2', phone));
  await connected(phone);
  const { publicKey } = await stack.listed();
  await must('vpn', 'rotate', '--yes');
  expect((await stack.listed()).publicKey).not.toBe(publicKey);
  await until('the old CA is good no more', async () => !(await phone.reaches(SERVER, space.httpPort)), 10);
  const stateOf = async (peer: string) => (await stack.listed()).peers.find(({ name }) => name === peer)?.state;
  expect([await stateOf('phone'), await stateOf('laptop')]).toEqual(['old-ca', 'ended']);
  const { checks } = parsed<{ checks: { id: string; message: string }[] }>(await space.run(['health', '--json']));
  expect(checks.find(({ id }) => id === 'vpn.ca')?.message).toMatch(/: phone$/);
  await must('vpn', 'rotate', 'phone', '--out', 'phone-3.ovpn');
  await phone.connectOpenvpn(configuration('phone-3', phone));
  await connected(phone);
  expect(await stateOf('phone')).toBe('connected');
  const log = readFileSync(path.join(space.state, 'audit.jsonl'), 'utf8');
  expect(log.split('\n').filter((line) => line.includes('makes the CA of OpenVPN') && line.includes('"done"'))).toHaveLength(2);
  expect(await stack.identity()).toBe(now);
});

test('a peer that is removed while it is connected is cut off at once, also during an interrupted restore', async () => {
  await removedPhone(stack);
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(false);
  const state = await docker(['exec', stack.container, 'vpn', 'state']);
  expect(state.stdout).not.toContain(' yes');
});

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
import { audit, type JsonError, parsed, until } from '../../support/stack.ts';
import type { Workspace } from '../../support/workspace.ts';

let stack: VpnStack;
let phone: VpnPeer;
let laptop: VpnPeer;
let space: Workspace;

const must = (...args: string[]) => stack.must(...args);
const configuration = (name: string, peer: VpnPeer) =>
  stack.read(`${name}.conf`).replace(/^Endpoint = .*$/m, `Endpoint = ${peer.host}:${space.devPort}`);

beforeAll(async () => {
  stack = await vpnStack('vpn');
  ({ phone, laptop, space } = stack);
});
afterAll(() => stack?.destroy());

test('two peers that are added at the same time are both let in, each to what its role may', async () => {
  expect(await addBoth(stack)).not.toMatch(/PrivateKey/);
  const file = path.join(space.dir, 'phone.conf');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const key = /PrivateKey = (\S+)/.exec(readFileSync(file, 'utf8'))?.[1] as string;
  expect(
    readFileSync(path.join(space.state, 'orders.json'), 'utf8') + readFileSync(path.join(space.state, 'secrets.json'), 'utf8'),
  ).not.toContain(key);
  await phone.connect(configuration('phone', phone));
  await laptop.connect(configuration('laptop', laptop));
  const matrix = async (peer: VpnPeer) => [
    await peer.reaches(SERVER, space.httpPort),
    await peer.reaches(DATABASE, 5432),
    await peer.reaches(SERVER, 22),
    await peer.reaches(DATABASE, 22),
  ];
  await until('the phone is connected', () => phone.reaches(SERVER, space.httpPort));
  expect(await matrix(phone)).toEqual([true, false, false, false]);
  await until('the laptop is connected', () => laptop.reaches(SERVER, space.httpPort));
  expect(await matrix(laptop)).toEqual([true, true, false, false]);
  // No new container was needed for it.
  expect(await stack.identity()).toBe(stack.before);
  const { engine, peers } = await stack.listed();
  expect(['kernel', 'userspace']).toContain(engine);
  expect(peers).toMatchObject(
    [
      { name: 'phone', role: 'member', state: 'connected' },
      { name: 'laptop', role: 'admin', state: 'connected' },
    ].sort((a, b) => peers.findIndex(({ name }) => name === a.name) - peers.findIndex(({ name }) => name === b.name)),
  );
  expect(audit(space).map(({ command, result }) => `${command}: ${result}`)).toEqual(
    expect.arrayContaining(['medianest vpn add phone: done', 'medianest vpn add laptop: done']),
  );
});

test('names of the stack lead into the tunnel, and no peer reaches another', async () => {
  const found = await phone.exec('getent', 'ahostsv4', 'media.example.org');
  expect(found.stdout).toContain(SERVER);
  const { peers } = await stack.listed();
  const address = peers.find(({ name }) => name === 'laptop')?.address as string;
  await laptop.exec('bash', '-c', `dnsmasq --no-daemon --no-resolv --user=root --port=5300 --listen-address=${address} >/dev/null 2>&1 &`);
  await until('the laptop serves something', () => laptop.reaches(address, 5300));
  expect(await phone.reaches(address, 5300)).toBe(false);
  // It claims the laptop’s address for itself: whose packets these are is decided by the key.
  await phone.exec('ip', 'address', 'add', `${address}/32`, 'dev', 'wg0');
  expect(
    (
      await phone.exec(
        'timeout',
        '2',
        'bash',
        '-c',
        `ip route replace ${DATABASE}/32 dev wg0 src ${address}; exec 3<>/dev/tcp/${DATABASE}/5432`,
      )
    ).status,
  ).not.toBe(0);
  await phone.exec('bash', '-c', `ip route delete ${DATABASE}/32 dev wg0; ip address delete ${address}/32 dev wg0`);
});

test('a name is given once, and what cannot be read changes nothing', async () => {
  const again = await space.run(['vpn', 'add', 'phone', '--out', 'again.conf', '--json']);
  expect([again.status, parsed<JsonError>(again).error.code]).toEqual([1, 'VPN_REFUSED']);
  const hostile = await space.run(['vpn', 'add', '../x; touch y', '--json']);
  expect([hostile.status, parsed<JsonError>(hostile).error.code]).toEqual([2, 'USAGE']);
  const orders = path.join(space.state, 'orders.json');
  const kept = readFileSync(orders, 'utf8');
  writeFileSync(orders, kept.slice(0, kept.length / 2));
  const damaged = await space.run(['vpn', 'add', 'tablet', '--json']);
  expect([damaged.status, parsed<JsonError>(damaged).error.code]).toEqual([1, 'STATE_DAMAGED']);
  writeFileSync(orders, kept);
  // The container judges by itself too, and takes all of its file or nothing.
  await damagedPeers(stack, (peers) => `${peers.split('\n')[1]}\nx 0.0.0.0/0 - $(id)\n`);
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(true);
});

test('fewer rights and an end are at once, for the connection that is open', async () => {
  await reducedLaptop(stack, 12);
  const checks = parsed<{ checks: { id: string; status: string }[] }>(await space.run(['health', '--json'])).checks;
  expect(checks.filter(({ id }) => id.startsWith('vpn'))).toMatchObject([
    { id: 'vpn', status: 'ok' },
    { id: 'vpn.ended', status: 'warn' },
  ]);
});

test('after the container was killed, a peer connects again by itself', async () => {
  await killedVpn(stack);
  await until('the phone is connected', () => phone.reaches(SERVER, space.httpPort), 60);
});

test('new keys of a peer and of this host replace the old ones, without a new container', async () => {
  const now = await stack.identity();
  const old = configuration('phone', phone);
  const rotated = await must('vpn', 'rotate', 'phone', '--out', 'phone-2.conf', '--qr');
  expect(rotated.stdout.split('\n').filter((line) => line.includes('▀')).length).toBeGreaterThan(20);
  expect(rotated.stdout).not.toContain('PrivateKey');
  await until('the old keys are good no more', async () => !(await phone.reaches(SERVER, space.httpPort)), 5);
  await phone.connect(configuration('phone-2', phone));
  await until('the phone is connected', () => phone.reaches(SERVER, space.httpPort));
  const refused = await space.run(['vpn', 'rotate', '--json']);
  expect([refused.status, parsed<JsonError>(refused).error.code]).toEqual([2, 'CONFIRMATION_NEEDED']);
  const { publicKey } = parsed<{ publicKey: string }>(await must('vpn', 'rotate', '--yes', '--json'));
  expect(old).not.toContain(publicKey);
  await phone.connect(configuration('phone-2', phone).replace(/^PublicKey = .*$/m, `PublicKey = ${publicKey}`));
  await until('the phone is connected', () => phone.reaches(SERVER, space.httpPort));
  expect(await stack.identity()).toBe(now);
});

test('a peer that is removed while it is connected is cut off at once', async () => {
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(true);
  const told = await removedPhone(stack);
  expect(told.stderr).toContain('edited by hand');
  const removed = Date.now();
  await until('the phone is let in no more', async () => !(await phone.reaches(SERVER, space.httpPort)), 5);
  expect(Date.now() - removed).toBeLessThan(5000);
  expect((await stack.listed()).peers.map(({ name }) => name)).toEqual(['laptop']);
});

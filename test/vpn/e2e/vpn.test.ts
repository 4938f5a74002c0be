import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { editedEdge, type VpnPeer, vpnPeer } from '../../support/network/vpn-peer.ts';
import { audit, identities, type JsonError, parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const SERVER = '10.60.144.1';
const DATABASE = '10.60.144.2';

interface Listed {
  engine: string | null;
  peers: { name: string; address: string; role: string; state: string; receivedBytes?: number }[];
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
const configuration = (name: string, peer: VpnPeer) =>
  readFileSync(path.join(space.dir, `${name}.conf`), 'utf8').replace(/^Endpoint = .*$/m, `Endpoint = ${peer.host}:${space.devPort}`);
const listed = async () => parsed<Listed>(await must('vpn', 'list', '--json'));
const identity = async () => (await identities(space.project)).vpn;

beforeAll(async () => {
  space = await workspace('vpn');
  space.configure({
    profile: 'dev-compose',
    components: { vpn: true, backup: false, agent: false, 'engine-proxy': false } as Record<string, unknown>,
    // Published for this host alone: from the tunnel it is reached all the same.
    edge: { address: '127.0.0.1', domains: ['media.example.org'] },
    vpn: { port: space.devPort, alsoReach: ['postgres:5432'] },
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
  expect(one.stdout + two.stdout).not.toMatch(/PrivateKey/);
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
  expect(await identity()).toBe(before);
  const { engine, peers } = await listed();
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
  const { peers } = await listed();
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
  const file = path.join(space.state, 'config', 'vpn', 'current', 'peers');
  const peers = readFileSync(file, 'utf8');
  writeFileSync(file, `${peers.split('\n')[1]}\nx 0.0.0.0/0 - $(id)\n`);
  const judged = await docker(['exec', container, 'vpn', 'reload']);
  writeFileSync(file, peers);
  expect([judged.status, judged.stderr]).toEqual([1, expect.stringContaining('all stay as they are')]);
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(true);
});

test('fewer rights and an end are at once, for the connection that is open', async () => {
  await must('vpn', 'set', 'laptop', '--role', 'member');
  expect(await laptop.reaches(DATABASE, 5432)).toBe(false);
  expect(await laptop.reaches(SERVER, space.httpPort)).toBe(true);
  const end = new Date(Date.now() + 12_000).toISOString();
  await must('vpn', 'set', 'laptop', '--until', end);
  await until('the laptop is let in no more', async () => !(await laptop.reaches(SERVER, space.httpPort)), 25);
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end));
  expect((await listed()).peers.find(({ name }) => name === 'laptop')).toMatchObject({ state: 'ended' });
  const checks = parsed<{ checks: { id: string; status: string }[] }>(await space.run(['health', '--json'])).checks;
  expect(checks.filter(({ id }) => id.startsWith('vpn'))).toMatchObject([
    { id: 'vpn', status: 'ok' },
    { id: 'vpn.ended', status: 'warn' },
  ]);
});

test('after the container was killed, a peer connects again by itself', async () => {
  const pid = (await docker(['inspect', '--format', '{{.State.Pid}}', container])).stdout.trim();
  process.kill(Number(pid), 'SIGKILL');
  await until('there is another one', async () => (await identity()) !== before);
  await until('the phone is connected', () => phone.reaches(SERVER, space.httpPort), 60);
});

test('new keys of a peer and of this host replace the old ones, without a new container', async () => {
  const now = await identity();
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
  expect(await identity()).toBe(now);
});

test('a peer that is removed while it is connected is cut off at once', async () => {
  expect(await phone.reaches(SERVER, space.httpPort)).toBe(true);
  // Neither a file that was edited by hand nor an interrupted restore holds that up.
  const { file, edited } = editedEdge(space);
  writeFileSync(path.join(space.state, 'restoring.json'), JSON.stringify({ parts: [], target: 'x', at: '2026-11-30T12:00:00Z' }));
  const added = await space.run(['vpn', 'add', 'tablet', '--json']);
  expect([added.status, parsed<JsonError>(added).error.code]).toEqual([4, 'PARTIAL']);
  const told = await must('vpn', 'remove', 'phone');
  expect(told.stderr).toContain('edited by hand');
  expect(readFileSync(file, 'utf8')).toBe(edited);
  const removed = Date.now();
  await until('the phone is let in no more', async () => !(await phone.reaches(SERVER, space.httpPort)), 5);
  expect(Date.now() - removed).toBeLessThan(5000);
  expect((await listed()).peers.map(({ name }) => name)).toEqual(['laptop']);
});

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { docker, type Run } from '../cli.ts';
import { identities, type JsonError, parsed, until } from '../stack.ts';
import { type Workspace, workspace } from '../workspace.ts';
import { editedEdge, type VpnPeer, vpnPeer } from './vpn-peer.ts';

/** This host in the tunnel, and its database, which admins reach. */
export const SERVER = '10.60.144.1';
export const DATABASE = '10.60.144.2';

/** What `vpn list --json` says. */
export interface Listed {
  engine: string | null;
  publicKey: string | null;
  peers: { name: string; address: string; role: string; state: string; publicKey: string; lastHandshake?: string }[];
}

/** A stack with the VPN, and two devices beside it that have no peer yet. */
export interface VpnStack {
  space: Workspace;
  container: string;
  phone: VpnPeer;
  laptop: VpnPeer;
  /** The container's identity when it was started. */
  before: string | undefined;
  /** A command that has to end well. */
  must(...args: string[]): Promise<Run>;
  listed(): Promise<Listed>;
  identity(): Promise<string | undefined>;
  /** The file that `vpn add` has written. @param file `phone.conf` */
  read(file: string): string;
  destroy(): Promise<void>;
}

/** @param name of the workspace @param vpn settings besides the port */
export async function vpnStack(name: string, vpn: { engine?: 'openvpn' } = {}): Promise<VpnStack> {
  const space = await workspace(name);
  const devices: VpnPeer[] = [];
  const destroy = async () => {
    await Promise.all(devices.map((device) => device.destroy()));
    await space.destroy();
  };
  const must = async (...args: string[]) => {
    const ended = await space.run(args);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    return ended;
  };
  const identity = async () => (await identities(space.project)).vpn;
  try {
    space.configure({
      profile: 'dev-compose',
      components: { vpn: true, backup: false, agent: false, 'engine-proxy': false } as Record<string, unknown>,
      // Published for this host alone: from the tunnel it is reached all the same.
      edge: { address: '127.0.0.1', domains: ['media.example.org'] },
      vpn: { ...vpn, port: space.devPort, alsoReach: ['postgres:5432'] },
    });
    await must('up');
    const container = `${space.project}-vpn-1`;
    const image = (await docker(['inspect', '--format', '{{.Config.Image}}', container])).stdout.trim();
    const [phone, laptop] = await Promise.all([vpnPeer(image), vpnPeer(image)]);
    devices.push(phone, laptop);
    return {
      ...{ space, container, phone, laptop, before: await identity(), must, identity, destroy },
      listed: async () => parsed<Listed>(await must('vpn', 'list', '--json')),
      read: (file) => readFileSync(path.join(space.dir, file), 'utf8'),
    };
  } catch (error) {
    await destroy();
    throw error;
  }
}

/** Adds phone and laptop at the same time; the laptop is an admin's. @returns what both have printed */
export async function addBoth({ space }: VpnStack): Promise<string> {
  const [one, two] = await Promise.all([
    space.run(['vpn', 'add', 'phone', '--json', '--wait-lock=60']),
    space.run(['vpn', 'add', 'laptop', '--role', 'admin', '--json', '--wait-lock=60']),
  ]);
  expect([one.status, two.status], one.stderr + two.stderr).toEqual([0, 0]);
  return one.stdout + two.stdout;
}

/** The file with the peers is damaged from the outside: the container takes all of it or nothing. */
export async function damagedPeers({ space, container }: VpnStack, damage: (peers: string) => string): Promise<void> {
  const file = path.join(space.state, 'config', 'vpn', 'current', 'peers');
  const peers = readFileSync(file, 'utf8');
  writeFileSync(file, damage(peers));
  const judged = await docker(['exec', container, 'vpn', 'reload']);
  writeFileSync(file, peers);
  expect([judged.status, judged.stderr]).toEqual([1, expect.stringContaining('all stay as they are')]);
}

/** The laptop has fewer rights at once, and then an end, after which it is let in no more. @param seconds until then */
export async function reducedLaptop(stack: VpnStack, seconds: number): Promise<void> {
  const { space, laptop, must, listed } = stack;
  await must('vpn', 'set', 'laptop', '--role', 'member');
  expect(await laptop.reaches(DATABASE, 5432)).toBe(false);
  expect(await laptop.reaches(SERVER, space.httpPort)).toBe(true);
  const end = new Date(Date.now() + seconds * 1000).toISOString();
  await must('vpn', 'set', 'laptop', '--until', end);
  await until('the laptop is let in no more', async () => !(await laptop.reaches(SERVER, space.httpPort)), seconds + 13);
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(end));
  expect((await listed()).peers.find(({ name }) => name === 'laptop')).toMatchObject({ state: 'ended' });
}

/** `vpn remove phone` beside an interrupted restore and a file that was edited by hand, which stays as it is. @returns what it printed */
export async function removedPhone({ space, must }: VpnStack): Promise<Run> {
  const { file, edited } = editedEdge(space);
  writeFileSync(path.join(space.state, 'restoring.json'), JSON.stringify({ parts: [], target: 'x', at: '2026-11-30T12:00:00Z' }));
  const added = await space.run(['vpn', 'add', 'tablet', '--json']);
  expect([added.status, parsed<JsonError>(added).error.code]).toEqual([4, 'PARTIAL']);
  const told = await must('vpn', 'remove', 'phone');
  expect(readFileSync(file, 'utf8')).toBe(edited);
  return told;
}

/** Ends the container's first process as a fault would, and waits for the next one. */
export async function killedVpn({ container, identity }: VpnStack): Promise<void> {
  const run = await identity();
  const pid = (await docker(['inspect', '--format', '{{.State.Pid}}', container])).stdout.trim();
  process.kill(Number(pid), 'SIGKILL');
  await until('there is another one', async () => (await identity()) !== run);
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PROGRAM, type Run, run } from '../cli.ts';

/** Who asks: a host of the Internet, one of the LAN, and a container of the stack. */
export type Place = 'host' | 'internet' | 'lan' | 'container';

/** What a container has in the network of the stack, and what the host is called by the others. */
export const ADDRESSES = {
  container: '172.16.144.9',
  subnet: '172.16.144.0/24',
  internet: { host: '203.0.113.1', own: '203.0.113.7' },
  lan: { host: '192.168.77.1', own: '192.168.77.7' },
  internet6: { host: '2001:db8:1::1', own: '2001:db8:1::7' },
} as const;

export const SERVERS = `
  const net = require('node:net');
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(), 500);
  const all = process.argv.slice(1).map((where) => new Promise((ready) => {
    const at = where.lastIndexOf(':');
    const server = net.createServer((socket) => { socket.on('error', () => {}); socket.pipe(socket); });
    server.listen({ host: where.slice(0, at), port: Number(where.slice(at + 1)), ipv6Only: where.startsWith('::') }, ready);
  }));
  Promise.all(all).then(() => console.log('ready'));`;

/** Tries every port of a host; a port is open if the connection is made. */
export const SCAN = `
  const net = require('node:net');
  const [host, from, to] = process.argv.slice(1);
  const open = [];
  let next = Number(from);
  const lane = async () => {
    while (next <= Number(to)) {
      const port = next++;
      await new Promise((done) => {
        const socket = net.connect({ host, port, timeout: 800 });
        const end = (isOpen) => { if (isOpen) open.push(port); socket.destroy(); done(); };
        socket.on('connect', () => end(true)).on('timeout', () => end(false)).on('error', () => end(false));
      });
    }
  };
  Promise.all(Array.from({ length: 200 }, lane)).then(() => console.log(JSON.stringify(open.sort((a, b) => a - b))));`;

/** No engine is asked, and no session of this machine counts. */
const PLAIN = ['env', '-u', 'SSH_CONNECTION'];

/** A host with two cables and a bridge as Docker makes it, in network namespaces: nothing of this machine's own network is touched. */
export interface FirewallWorld {
  dir: string;
  settings(text: string): void;
  medianest(args: readonly string[], options?: { onSpawn?: (child: ChildProcess) => void }): Promise<Run>;
  in(place: Place, argv: readonly string[]): Promise<Run>;
  start(place: Place, argv: readonly string[]): ChildProcess;
  /** The open ports of an address, seen from a place. */
  scan(place: Place, host: string, from?: number, to?: number): Promise<number[]>;
  command(place: Place, argv: readonly string[]): string[];
  destroy(): Promise<void>;
}

export async function firewallWorld(project: string): Promise<FirewallWorld> {
  const id = randomBytes(3).toString('hex');
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-firewall-'));
  const names: Record<Place, string> = { host: `fwh${id}`, internet: `fwi${id}`, lan: `fwl${id}`, container: `fwc${id}` };
  const command = (place: Place, argv: readonly string[]) => ['ip', 'netns', 'exec', names[place], ...argv];
  const children: ChildProcess[] = [];
  const inside = (place: Place, argv: readonly string[]) => {
    const [program = '', ...args] = command(place, argv);
    return run(program, args, { cwd: dir });
  };
  const must = async (place: Place, ...lines: string[]) => {
    for (const line of lines) {
      const { status, stderr } = await inside(place, line.split(' '));
      if (status !== 0) throw new Error(`${line}: ${stderr}`);
    }
  };
  const start = (place: Place, argv: readonly string[]) => {
    const [program = '', ...args] = command(place, argv);
    const child = spawn(program, args, { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  };
  const serve = (place: Place, ...where: string[]) =>
    new Promise<void>((ready) => start(place, [process.execPath, '-e', SERVERS, ...where]).stdout?.once('data', () => ready()));
  const destroy = async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const name of Object.values(names)) await run('ip', ['netns', 'delete', name]);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    for (const name of Object.values(names)) {
      const made = await run('ip', ['netns', 'add', name]);
      if (made.status !== 0) throw new Error(`ip netns add: ${made.stderr}`);
    }
    const cable = (place: Exclude<Place, 'host'>) => `ip link add ${place} type veth peer name eth0 netns ${names[place]}`;
    await must('host', 'ip link set lo up', 'ip link add br0 type bridge', cable('internet'), cable('lan'), cable('container'));
    await must(
      'host',
      'ip link set container master br0',
      'ip address add 172.16.144.1/24 dev br0',
      `ip address add ${ADDRESSES.internet.host}/24 dev internet`,
    );
    await must(
      'host',
      `ip address add ${ADDRESSES.lan.host}/24 dev lan`,
      `ip -6 address add ${ADDRESSES.internet6.host}/64 dev internet nodad`,
    );
    for (const device of ['br0', 'internet', 'lan', 'container']) await must('host', `ip link set ${device} up`);
    await must('host', 'sysctl -qw net.ipv4.ip_forward=1', 'ip link set container type bridge_slave hairpin on');
    const ends: [Exclude<Place, 'host'>, string, string][] = [
      ['internet', ADDRESSES.internet.own, ADDRESSES.internet.host],
      ['lan', ADDRESSES.lan.own, ADDRESSES.lan.host],
      ['container', ADDRESSES.container, '172.16.144.1'],
    ];
    for (const [place, own, gateway] of ends)
      await must(
        place,
        'ip link set lo up',
        `ip address add ${own}/24 dev eth0`,
        'ip link set eth0 up',
        `ip route add default via ${gateway}`,
      );
    await must('internet', `ip -6 address add ${ADDRESSES.internet6.own}/64 dev eth0 nodad`);
    // As Docker does it: published ports, one of which no setting of medianest knows, go to the container.
    const nat = `table ip docker_like {
      chain prerouting { type nat hook prerouting priority dstnat; fib daddr type local tcp dport { 8080, 8443, 5432 } dnat to ${ADDRESSES.container}; }
      chain postrouting { type nat hook postrouting priority srcnat; ip saddr ${ADDRESSES.container} ip daddr ${ADDRESSES.container} masquerade; }
    }`;
    const loaded = await run('ip', ['netns', 'exec', names.host, 'nft', '-f', '-'], { input: nat });
    if (loaded.status !== 0) throw new Error(loaded.stderr);
    await serve('container', ...[8080, 8443, 5432, 3000].map((port) => `0.0.0.0:${port}`));
    // What is the host's own, and Docker's proxy where a network has no IPv6.
    await serve('host', '0.0.0.0:9999', ':::8443', ':::8080');
  } catch (error) {
    await destroy();
    throw error;
  }
  return {
    dir,
    settings: (text) => writeFileSync(path.join(dir, 'medianest.yml'), `version: 1\nproject: ${project}\n${text}`),
    medianest: (args, { onSpawn } = {}) => {
      const [program = '', ...rest] = command('host', [...PLAIN, `DOCKER_HOST=unix://${dir}/none`, process.execPath, PROGRAM, ...args]);
      return run(program, rest, { cwd: dir, ...(onSpawn && { onSpawn }) });
    },
    in: inside,
    start,
    scan: async (place, host, from = 1, to = 10_000) => {
      const { stdout, stderr } = await inside(place, [process.execPath, '-e', SCAN, host, String(from), String(to)]);
      if (stdout === '') throw new Error(`the scan failed: ${stderr}`);
      return JSON.parse(stdout) as number[];
    },
    command,
    destroy,
  };
}

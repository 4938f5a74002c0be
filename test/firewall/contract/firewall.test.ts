import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROGRAM } from '../../support/cli.ts';
import { ADDRESSES, type FirewallWorld, firewallWorld } from '../../support/network/firewall-world.ts';

interface Planned {
  ports: { port: number; from: string[] }[];
}
interface Status {
  state: string;
  drift: string[];
  trialSecondsLeft: number;
}

const PROJECT = 'fw-contract';
const TABLE = `medianest_${PROJECT}`;
const settings = (firewall: string) => `profile: dev-compose
edge: { address: every }
networks: { dmz: { subnet: ${ADDRESSES.subnet} } }
firewall: { enabled: true, ${firewall} }
`;
const OPEN = settings('ports: { edge.httpsPort: everyone }');
const CLOSED = settings('allow: [192.0.2.1]');
const HOST_OWN = 9999;

describe('the firewall', { timeout: 60_000 }, () => {
  let world: FirewallWorld;
  const firewall = (...args: string[]) => world.medianest(['firewall', ...args]);
  const json = async <T>(...args: string[]) => JSON.parse((await firewall(...args, '--json')).stdout) as T;
  const status = () => json<Status>('status');
  const done = async (...args: string[]) => {
    const ended = await firewall(...args);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
  };
  const nft = async (...args: string[]) => {
    const ended = await world.in('host', ['nft', ...args]);
    expect(ended, ended.stderr).toMatchObject({ status: 0 });
    return ended.stdout;
  };
  /** What `plan` says that these may reach. */
  const named = async (...groups: string[]) =>
    (await json<Planned>('plan')).ports
      .filter(({ from }) => from.some((group) => groups.includes(group)))
      .map(({ port }) => port)
      .sort((a, b) => a - b);
  /** Loads and confirms rules. */
  const keep = async (text: string) => {
    world.settings(text);
    await done('apply');
    await done('confirm');
  };
  const fromInternet = (from = 8000, to = 8500) => world.scan('internet', ADDRESSES.internet.host, from, to);
  const opens = (ports: number[]) => expect.poll(() => fromInternet(), { timeout: 15_000, interval: 200 }).toEqual(ports);

  beforeAll(async () => {
    world = await firewallWorld(PROJECT);
  });
  beforeEach(async () => {
    world.settings(OPEN);
    await done('remove');
  });
  afterAll(() => world.destroy());

  it('lets each place find exactly the ports that the plan names, and leaves what is not ours alone', async () => {
    expect(await fromInternet(1, 10_000)).toEqual([5432, 8080, 8443, HOST_OWN]);
    await keep(OPEN);
    expect(await named('everyone')).toEqual([8443]);
    expect(await fromInternet(1, 10_000)).toEqual([...(await named('everyone')), HOST_OWN]);
    expect(await world.scan('lan', ADDRESSES.lan.host)).toEqual([...(await named('everyone', 'lan')), HOST_OWN]);
    // Docker's proxy takes these on the host itself, and public addresses of IPv6 are no part of `lan`.
    expect(await world.scan('internet', ADDRESSES.internet6.host)).toEqual(await named('everyone'));
    // The stack reaches itself by way of the host, and strangers with a route reach no container.
    expect(await world.scan('container', ADDRESSES.lan.host, 8000, 8500)).toEqual([8080, 8443]);
    expect(await world.scan('internet', ADDRESSES.container, 3000, 3001)).toEqual([]);
    expect(await world.scan('lan', ADDRESSES.container, 8443, 8443)).toEqual([]);
    expect(await status()).toMatchObject({ state: 'active', drift: [] });
    await done('remove');
    expect(await nft('list', 'tables')).toBe('table ip docker_like\n');
    expect(await fromInternet()).toEqual([8080, 8443]);
  });

  it('refuses strangers that claim an address of the stack, and a connection that begins with an ACK', async () => {
    await keep(CLOSED);
    await world.in('internet', ['ip', 'address', 'add', '172.16.144.77/32', 'dev', 'eth0']);
    const raw = path.join(import.meta.dirname, '../../support/network/raw-tcp.py');
    const answers = async (source: string, flags: string) =>
      (await world.in('internet', ['python3', raw, source, ADDRESSES.internet.host, '8443', ...flags.split(' ')])).stdout.trim();
    // The probe itself works: an open port of the host answers.
    const open = ['python3', raw, ADDRESSES.internet.own, ADDRESSES.internet.host, String(HOST_OWN), 'S'];
    expect((await world.in('internet', open)).stdout.trim()).toBe('SA');
    expect(await answers(ADDRESSES.internet.own, 'S')).toBe('');
    expect(await answers(ADDRESSES.internet.own, 'A S')).toBe('');
    expect(await answers(ADDRESSES.internet.own, 'F FPU')).toBe('');
    const counted = await nft('list', 'chain', 'inet', TABLE, 'port_8443');
    expect(counted).toMatch(/counter packets [1-9]/);
    await world.in('internet', ['python3', raw, '172.16.144.77', ADDRESSES.internet.host, '8443', 'S']);
    expect(await nft('list', 'chain', 'inet', TABLE, 'port_8443')).not.toBe(counted);
    await world.in('internet', ['ip', 'address', 'delete', '172.16.144.77/32', 'dev', 'eth0']);
  });

  it('ends a trial without a confirmation, also where the session and the program were killed', async () => {
    await keep(OPEN);
    world.settings(CLOSED);
    const argv = world.command('host', ['env', '-u', 'SSH_CONNECTION', 'script', '--quiet', '--return', '--command']);
    const command = `'${process.execPath}' '${PROGRAM}' firewall apply --for 6`;
    const session = spawn(argv[0] as string, [...argv.slice(1), command, '/dev/null'], {
      cwd: world.dir,
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await opens([]);
    expect(await status()).toMatchObject({ state: 'trial', drift: [] });
    const pids = (await world.in('host', ['pgrep', '--full', 'firewall apply --for 6'])).stdout.trim().split('\n').map(Number);
    for (const pid of [...pids.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(PROGRAM)), session.pid as number])
      process.kill(pid, 'SIGKILL');
    expect(await fromInternet()).toEqual([]);
    await opens([8443]);
    const late = await firewall('confirm');
    expect(late.status).not.toBe(0);
    expect(late.stderr).toContain('not confirmed by');
    expect((await status()).drift.join()).toContain('were not confirmed');
    // The next one works, and Enter at its terminal confirms it.
    const typed = spawn(argv[0] as string, [...argv.slice(1), command, '/dev/null'], {
      cwd: world.dir,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await opens([]);
    typed.stdin.write('\r');
    await new Promise((ended) => typed.once('exit', ended));
    await sleep(6000);
    expect(await fromInternet()).toEqual([]);
    expect(await status()).toMatchObject({ state: 'active', drift: [] });
  });

  it('has the old rules or the new ones, wherever apply and confirm are killed', async () => {
    await keep(OPEN);
    world.settings(CLOSED);
    const killed = async (after: number, ...args: string[]) =>
      world.medianest(['firewall', ...args], { onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), after) });
    for (const after of [100, 160, 220, 280, 340]) {
      await killed(after, 'apply', '--for', '5');
      expect([[8443], []]).toContainEqual(await fromInternet());
    }
    await opens([8443]);
    for (const after of [100, 140, 180, 220, 260]) {
      await done('apply', '--for', '5');
      await killed(after, 'confirm');
      await sleep(5500);
      expect([[8443], []]).toContainEqual(await fromInternet());
      await done('remove');
      await keep(OPEN);
      world.settings(CLOSED);
    }
  });

  it('keeps connections that are there, and refuses new ones', async () => {
    const script = `const socket = require('node:net').connect(8443, '${ADDRESSES.internet.host}');
      socket.on('data', (data) => process.stdout.write(data)); setInterval(() => socket.write('.'), 200);`;
    const old = world.start('internet', [process.execPath, '-e', script]);
    let echoed = 0;
    old.stdout?.on('data', (data: Buffer) => {
      echoed += data.length;
    });
    await expect.poll(() => echoed, { timeout: 10_000 }).toBeGreaterThan(2);
    await keep(CLOSED);
    expect(await fromInternet()).toEqual([]);
    const before = echoed;
    await expect.poll(() => echoed, { timeout: 10_000 }).toBeGreaterThan(before + 5);
    old.kill();
  });

  it('loads 50,000 addresses in seconds, and blocks them', async () => {
    const list = Array.from({ length: 50_000 }, (_, n) => `${11 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.${(n * 7) % 250}`);
    writeFileSync(path.join(world.dir, 'abuse.txt'), [...list, '203.0.113.0/24', '192.168.0.0/16'].join('\n'));
    world.settings(settings('allow: everyone, lists: { abuse: ./abuse.txt }, block: [abuse]'));
    const started = Date.now();
    await done('apply');
    await done('confirm');
    expect(Date.now() - started).toBeLessThan(20_000);
    expect(await fromInternet()).toEqual([]);
    // A list that covers the LAN does not block it.
    expect(await world.scan('lan', ADDRESSES.lan.host, 8000, 8500)).toEqual([8080, 8443]);
    expect(await status()).toMatchObject({ state: 'active', drift: [] });
    expect(existsSync(path.join(world.dir, '.medianest/firewall/confirmed.nft'))).toBe(true);
  });

  it('slows an address down that opens too many connections, and no other', async () => {
    await keep(settings('allow: everyone, perAddressPerSecond: 2'));
    const flood = `let made = 0; Promise.all(Array.from({ length: 40 }, () => new Promise((done) => {
      const socket = require('node:net').connect({ host: '${ADDRESSES.internet.host}', port: 8443, timeout: 700 });
      const end = () => { socket.destroy(); done(); };
      socket.on('connect', () => { made++; end(); }).on('timeout', end).on('error', end); }))).then(() => console.log(made));`;
    const made = Number((await world.in('internet', [process.execPath, '-e', flood])).stdout);
    expect(made).toBeGreaterThanOrEqual(8);
    expect(made).toBeLessThan(14);
    expect(await world.scan('lan', ADDRESSES.lan.host, 8443, 8443)).toEqual([8443]);
  });

  it('sees that another program has flushed or changed the rules, and loads them again without a trial', async () => {
    await keep(OPEN);
    await nft('delete', 'table', 'inet', TABLE);
    expect(await firewall('status', '--json')).toMatchObject({ status: 5, stdout: expect.stringContaining('another program has removed') });
    await done('apply');
    expect(await fromInternet()).toEqual([8443]);
    await nft('insert', 'rule', 'inet', TABLE, 'port_8080', 'accept');
    expect((await status()).drift.join()).toContain('not those that were confirmed');
    expect(await fromInternet()).toEqual([8080, 8443]);
    await done('apply');
    expect(await status()).toMatchObject({ state: 'active', drift: [] });
    expect(await fromInternet()).toEqual([8443]);
    world.settings(CLOSED);
    expect((await status()).drift.join()).toContain('have changed since');
  });
});

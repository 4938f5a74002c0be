import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADDRESSES } from '../../support/network/firewall-world.ts';
import { CLOSED, type Driver, drive, firewallSettings, OPEN } from './driver.ts';

/** What listens on the host, and is no part of the stack. */
const HOST_OWN = 9999;

describe('the firewall', { timeout: 60_000 }, () => {
  let host: Driver;
  beforeAll(async () => {
    host = await drive('fw-rules');
  });
  beforeEach(async () => {
    host.settings(OPEN);
    await host.done('remove');
  });
  afterAll(() => host?.destroy());

  it('lets each place find exactly the ports that the plan names, and leaves what is not ours alone', async () => {
    expect(await host.fromInternet(5000, 10_000)).toEqual([5432, 8080, 8443, HOST_OWN]);
    await host.keep(OPEN);
    expect(await host.named('everyone')).toEqual([8443]);
    expect(await host.fromInternet(1, 10_000)).toEqual([...(await host.named('everyone')), HOST_OWN]);
    expect(await host.scan('lan', ADDRESSES.lan.host, 5000)).toEqual([...(await host.named('everyone', 'lan')), HOST_OWN]);
    // Docker's proxy takes these on the host itself, and public addresses of IPv6 are no part of `lan`.
    expect(await host.scan('internet', ADDRESSES.internet6.host, 5000, 9000)).toEqual(await host.named('everyone'));
    // The stack reaches itself by way of the host, and strangers with a route reach no container.
    expect(await host.scan('container', ADDRESSES.lan.host, 8000, 8500)).toEqual([8080, 8443]);
    expect(await host.scan('internet', ADDRESSES.container, 3000, 3001)).toEqual([]);
    expect(await host.scan('lan', ADDRESSES.container, 8443, 8443)).toEqual([]);
    expect(await host.status()).toMatchObject({ state: 'active', drift: [] });
    await host.done('remove');
    expect(await host.nft('list', 'tables')).toBe('table ip docker_like\n');
    expect(await host.fromInternet()).toEqual([8080, 8443]);
  });

  it('lets a UDP port of an override be reached by those whom `firewall.ports` names', async () => {
    const echo = `const socket = require('node:dgram').createSocket('udp4');
      const parent = process.ppid;
      setInterval(() => process.ppid === parent || process.exit(), 500);
      socket.on('message', (text, from) => socket.send(text, from.port, from.address)).bind(5353, () => console.log('ready'));`;
    const server = host.start('container', [process.execPath, '-e', echo]);
    await new Promise((ready) => server.stdout?.once('data', ready));
    await host.nft(...'add rule ip docker_like prerouting fib daddr type local udp dport 5353 dnat to'.split(' '), ADDRESSES.container);
    const ask = `const socket = require('node:dgram').createSocket('udp4');
      socket.on('message', (text) => { console.log(String(text)); process.exit(); });
      socket.send('there', 5353, process.argv[1]);
      setTimeout(() => process.exit(), 1_000);`;
    const answers = async () => [
      (await host.in('internet', [process.execPath, '-e', ask, ADDRESSES.internet.host])).stdout.trim(),
      (await host.in('lan', [process.execPath, '-e', ask, ADDRESSES.lan.host])).stdout.trim(),
    ];
    expect(await answers()).toEqual(['there', 'there']);
    // A rule for the TCP port of that number is none for this one.
    await host.keep(firewallSettings('ports: { "5353": everyone }'));
    expect(await answers()).toEqual(['', '']);
    await host.keep(firewallSettings('ports: { 5353/udp: lan }'));
    expect(await answers()).toEqual(['', 'there']);
    await host.keep(firewallSettings('ports: { 5353/udp: everyone }'));
    expect(await answers()).toEqual(['there', 'there']);
    server.kill('SIGKILL');
  });

  it('refuses strangers that claim an address of the stack, and a connection that begins with an ACK', async () => {
    await host.keep(CLOSED);
    await host.in('internet', ['ip', 'address', 'add', '172.16.144.77/32', 'dev', 'eth0']);
    const raw = path.join(import.meta.dirname, '../../support/network/raw-tcp.py');
    const answers = async (source: string, flags: string) =>
      (await host.in('internet', ['python3', raw, source, ADDRESSES.internet.host, '8443', ...flags.split(' ')])).stdout.trim();
    // The probe itself works: an open port of the host answers.
    const open = ['python3', raw, ADDRESSES.internet.own, ADDRESSES.internet.host, String(HOST_OWN), 'S'];
    expect((await host.in('internet', open)).stdout.trim()).toBe('SA');
    expect(await answers(ADDRESSES.internet.own, 'S')).toBe('');
    expect(await answers(ADDRESSES.internet.own, 'A S')).toBe('');
    expect(await answers(ADDRESSES.internet.own, 'F FPU')).toBe('');
    const counted = await host.nft('list', 'chain', 'inet', host.table, 'port_8443');
    expect(counted).toMatch(/counter packets [1-9]/);
    await host.in('internet', ['python3', raw, '172.16.144.77', ADDRESSES.internet.host, '8443', 'S']);
    expect(await host.nft('list', 'chain', 'inet', host.table, 'port_8443')).not.toBe(counted);
    await host.in('internet', ['ip', 'address', 'delete', '172.16.144.77/32', 'dev', 'eth0']);
  });

  it('keeps connections that are there, and refuses new ones', async () => {
    const script = `const socket = require('node:net').connect(8443, '${ADDRESSES.internet.host}');
      socket.on('data', (data) => process.stdout.write(data)); setInterval(() => socket.write('.'), 200);`;
    const old = host.start('internet', [process.execPath, '-e', script]);
    let echoed = 0;
    old.stdout?.on('data', (data: Buffer) => {
      echoed += data.length;
    });
    await expect.poll(() => echoed, { timeout: 10_000 }).toBeGreaterThan(2);
    await host.keep(CLOSED);
    expect(await host.fromInternet()).toEqual([]);
    const before = echoed;
    await expect.poll(() => echoed, { timeout: 10_000 }).toBeGreaterThan(before + 5);
    old.kill();
  });

  it('loads 50,000 addresses in seconds, and blocks them', async () => {
    const list = Array.from({ length: 50_000 }, (_, n) => `${11 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.${(n * 7) % 250}`);
    writeFileSync(path.join(host.dir, 'abuse.txt'), [...list, '203.0.113.0/24', '192.168.0.0/16'].join('\n'));
    host.settings(firewallSettings('allow: everyone, lists: { abuse: ./abuse.txt }, block: [abuse]'));
    const started = Date.now();
    await host.done('apply');
    await host.done('confirm');
    expect(Date.now() - started).toBeLessThan(20_000);
    expect(await host.fromInternet()).toEqual([]);
    // A list that covers the LAN does not block it.
    expect(await host.scan('lan', ADDRESSES.lan.host, 8000, 8500)).toEqual([8080, 8443]);
    expect(await host.status()).toMatchObject({ state: 'active', drift: [] });
    expect(existsSync(path.join(host.dir, '.medianest/firewall/confirmed.nft'))).toBe(true);
  });

  it('slows an address down that opens too many connections, and no other', async () => {
    await host.keep(firewallSettings('allow: everyone, perAddressPerSecond: 2'));
    const flood = `let made = 0; Promise.all(Array.from({ length: 40 }, () => new Promise((done) => {
      const socket = require('node:net').connect({ host: '${ADDRESSES.internet.host}', port: 8443, timeout: 2500 });
      const end = () => { socket.destroy(); done(); };
      socket.on('connect', () => { made++; end(); }).on('timeout', end).on('error', end); }))).then(() => console.log(made));`;
    const made = Number((await host.in('internet', [process.execPath, '-e', flood])).stdout);
    expect(made).toBeGreaterThanOrEqual(8);
    expect(made).toBeLessThan(20);
    expect(await host.scan('lan', ADDRESSES.lan.host, 8443, 8443)).toEqual([8443]);
  });

  it('sees that another program has flushed or changed the rules, and loads them again without a trial', async () => {
    await host.keep(OPEN);
    await host.nft('delete', 'table', 'inet', host.table);
    expect(await host.firewall('status', '--json')).toMatchObject({
      status: 5,
      stdout: expect.stringContaining('another program has removed'),
    });
    await host.done('apply');
    expect(await host.fromInternet()).toEqual([8443]);
    await host.nft('insert', 'rule', 'inet', host.table, 'port_8080', 'accept');
    expect((await host.status()).drift.join()).toContain('not those that were confirmed');
    expect(await host.fromInternet()).toEqual([8080, 8443]);
    await host.done('apply');
    expect(await host.status()).toMatchObject({ state: 'active', drift: [] });
    expect(await host.fromInternet()).toEqual([8443]);
    host.settings(CLOSED);
    expect((await host.status()).drift.join()).toContain('have changed since');
  });
});

import { createDecipheriv, createHmac, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Context, Project } from '../../../src/capability/capability.ts';
import type { DoctorFacts } from '../../../src/host/plan/facts.ts';
import { examineTunnel } from '../../../src/host/plan/machine.ts';
import { registry } from '../../../src/services/index.ts';
import { maskOf } from '../../../src/services/vpn/addresses.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { VpnPeer } from '../../../src/stack/overrides.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { handOut } from '../../../src/vpn/hand-out.ts';
import { fingerprintOf, newDevice, readAuthority, readyAuthority } from '../../../src/vpn/openvpn/authority.ts';
import { peerViews, vpnChecks } from '../../../src/vpn/plan/describe.ts';
import { identityIn, ovpnText } from '../../../src/vpn/plan/ovpn.ts';
import { changedPeer, withKnownCa } from '../../../src/vpn/plan/peers.ts';
import { parseState } from '../../../src/vpn/plan/server-state.ts';
import { DEVICE_KEY_BYTES, deviceKeyText, SERVER_KEY_BYTES, serverKeyIn, serverKeyText } from '../../../src/vpn/plan/tls-crypt.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const settings = (text = '') => load({ file: `profile: dev-compose\ncomponents: { vpn: true }\nvpn: { engine: openvpn${text} }\n` });
const FINGERPRINT = `${'k'.repeat(42)}A=`;
const phone: VpnPeer = { publicKey: FINGERPRINT, engine: 'openvpn', number: 128, role: 'member', added: NOW.toISOString() };
const { engine: _, ...old } = { ...phone, publicKey: `${'o'.repeat(42)}A=`, number: 129 };
const build = (text = '', peers: Record<string, VpnPeer> = {}) => stackOf(settings(text), undefined, undefined, { peers });
const file = (name: string, text = '', peers: Record<string, VpnPeer> = {}) =>
  rendered(build(text, peers)).files.find(({ path }) => path === `vpn/${name}`)?.contents;

describe('OpenVPN', () => {
  it('has the rights that starting it as another user takes, and WireGuard has not', () => {
    const compose = (stack: ReturnType<typeof build>) =>
      rendered(stack).files.find(({ path }) => path === 'compose.yml')?.contents as string;
    const wireguard = stackOf(load({ file: 'profile: dev-compose\ncomponents: { vpn: true }\n' }));
    expect(compose(build())).toMatch(/cap_add:\s+- "NET_ADMIN"\s+- "SETGID"\s+- "SETUID"/);
    expect(compose(wireguard)).toMatch(/cap_add:\s+- "NET_ADMIN"\s+[a-z]/);
    expect(rendered(wireguard).files.map(({ path }) => path)).not.toContain('vpn/openvpn.conf');
  });

  it('keeps the same rules, for its own interface', () => {
    const peers = { phone, laptop: { ...phone, publicKey: `${'l'.repeat(42)}A=`, number: 130, role: 'admin' as const } };
    const rules = file('rules.nft', '', peers) as string;
    const wireguard = Object.fromEntries(Object.entries(peers).map(([name, { engine: __, ...peer }]) => [name, peer]));
    const others = rendered(
      stackOf(load({ file: 'profile: dev-compose\ncomponents: { vpn: true }\n' }), undefined, undefined, { peers: wireguard }),
    ).files.find(({ path }) => path === 'vpn/rules.nft')?.contents as string;
    expect(rules).toBe(others.replaceAll('wg0', 'tun0'));
    expect(file('rules.nft', ', protocol: tcp')).toContain('iifname != "tun0" tcp dport 51820 accept');
  });

  it('answers by UDP or TCP; WireGuard by UDP alone', () => {
    const ports = (text: string) => build(text).services.find(({ name }) => name === 'vpn')?.ports;
    expect(ports('')).toMatchObject([{ host: 51_820, protocol: 'udp' }]);
    expect(ports(', protocol: tcp, port: 1194')?.[0]).not.toHaveProperty('protocol');
    expect(file('openvpn.conf', ', protocol: tcp')).toMatch(/^proto tcp4-server$/m);
    const bad = load({ file: 'profile: dev-compose\ncomponents: { vpn: true }\nvpn: { protocol: tcp }\n' });
    expect(() => stackOf(bad)).toThrow(expect.objectContaining({ code: 'INVALID_SETTINGS' }));
  });

  it('may note any moment: one that is no date is none, and health goes on', () => {
    const state = parseState(`engine openvpn\npeer ${FINGERPRINT} (none) 10.60.144.128/32 99999999999999999999 0 0 no\n`);
    expect(state?.peers).toEqual([{ publicKey: FINGERPRINT, receivedBytes: 0, sentBytes: 0, connected: false }]);
  });

  it('lets in peers that have a configuration for it; those of WireGuard wait until they are rotated', () => {
    expect(file('peers', '', { phone, old })).toBe(`${FINGERPRINT} 10.60.144.128 - phone\n`);
    expect(
      build('', { phone, old })
        .secrets.filter(({ name }) => name.startsWith('vpn'))
        .map(({ name }) => name),
    ).toEqual(['vpn-openvpn']);
    const server = parseState(`engine openvpn\npeer ${FINGERPRINT} 198.19.5.2:4711 10.60.144.128/32 1796051297 2634 2363 yes\n`);
    const views = peerViews({ phone, old }, { network: '10.60.144.0/24', engine: 'openvpn' }, server, NOW);
    expect(views.map(({ name, state }) => `${name} ${state}`)).toEqual(['phone connected', 'old other-engine']);
    expect(vpnChecks(views, server).map(({ id, status }) => `${id} ${status}`)).toEqual(['vpn ok', 'vpn.engine warn']);
    expect(changedPeer({ phone }, 'phone', { publicKey: old.publicKey }).phone).not.toHaveProperty('engine');
    expect(changedPeer({ old }, 'old', { publicKey: FINGERPRINT, engine: 'openvpn' }).old).toMatchObject({ engine: 'openvpn' });
    const state = (line: string) =>
      peerViews(
        { phone },
        { network: '10.60.144.0/24', engine: 'openvpn' },
        parseState(`engine openvpn\npeer ${FINGERPRINT} ${line}\n`),
        NOW,
      )[0]?.state;
    expect(state('(none) 10.60.144.128/32 0 0 0 no')).toBe('never');
    expect(state('198.19.5.2:4711 10.60.144.128/32 1796051297 5 6 no')).toBe('idle');
  });

  it('says that it cannot tell when a peer was last in, and not that it never was', () => {
    const server = parseState(`engine openvpn\npeer ${FINGERPRINT} (none) 10.60.144.128/32 ? ? ? no\n`);
    const views = peerViews({ phone }, { network: '10.60.144.0/24', engine: 'openvpn' }, server, NOW);
    expect(views[0]?.state).toBe('unknown');
    expect(views[0]).not.toHaveProperty('receivedBytes');
    expect(vpnChecks(views, server).map(({ id, status }) => `${id} ${status}`)).toEqual(['vpn ok', 'vpn.seen warn']);
  });

  it('names the peers that have a configuration of the CA before: they are let in again once they are rotated', () => {
    const views = (peers: Record<string, VpnPeer>, ca: string | undefined) =>
      peerViews(peers, { network: '10.60.144.0/24', engine: 'openvpn' }, parseState('engine openvpn\n'), NOW, ca);
    const states = (peers: Record<string, VpnPeer>, ca: string | undefined) =>
      views(peers, ca).map(({ name, state }) => `${name} ${state}`);
    // Which CA has signed for this one was not noted.
    expect(states({ phone }, 'new')).toEqual(['phone missing']);
    const rotated = withKnownCa({ phone, old, tablet: { ...phone, publicKey: `${'C'.repeat(42)}E=`, ca: 'older' } }, 'before');
    expect([rotated.phone?.ca, rotated.old?.ca, rotated.tablet?.ca]).toEqual(['before', undefined, 'older']);
    expect(states(rotated, 'new')).toEqual(['phone old-ca', 'old other-engine', 'tablet old-ca']);
    // Where the CA cannot be read, nothing is said.
    expect(states(rotated, undefined)).toEqual(['phone missing', 'old other-engine', 'tablet missing']);
    const check = vpnChecks(views(rotated, 'new'), parseState('engine openvpn\n')).find(({ id }) => id === 'vpn.ca');
    expect(check).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('phone, tablet'),
      remedy: expect.stringContaining('vpn rotate phone'),
    });
    const again = changedPeer(rotated, 'phone', { publicKey: FINGERPRINT, engine: 'openvpn', ca: 'new' });
    expect(states(again, 'new')).toEqual(['phone missing', 'old other-engine', 'tablet old-ca']);
    expect(changedPeer({ phone: { ...phone, ca: 'new' } }, 'phone', { publicKey: old.publicKey }).phone).not.toHaveProperty('ca');
    expect(states(changedPeer(rotated, 'phone', { until: '2020-01-01T00:00:00Z' }), 'new')[0]).toBe('phone ended');
  });

  it('cannot do without the device of tunnels: doctor says so', () => {
    const facts = { version: '0.0.0', overrides: {}, subnets: SUBNETS, sourceHash: () => 'fixed', engineSocket: { path: '/s', gid: 1 } };
    const without = buildStack(settings().settings, registry, { ...facts, host: { noTunDevice: true } });
    expect(examineTunnel({ stack: without } as DoctorFacts)).toMatchObject([{ id: 'vpn.tun', status: 'fail' }]);
  });

  it.each([
    ['10.60.144.0/24', '255.255.255.0'],
    ['10.60.0.0/16', '255.255.0.0'],
    ['10.60.144.0/28', '255.255.255.240'],
  ])('has for %s the mask %s', (network, mask) => expect(maskOf(network)).toBe(mask));
});

describe('the CA of the VPN', () => {
  const world = () => {
    const state = new StateFolder(temporaryFolder('ovpn'));
    const context = {
      flags: {},
      cwd: state.root,
      clock: { now: () => NOW },
      signal: new AbortController().signal,
      capabilities: async () => [],
      report: { note: () => {}, warn: () => {} },
    } as unknown as Context;
    return { context, project: { loaded: settings(), state } as Project, state };
  };

  it('is made once, also by two at once, and again only when it is asked for', async () => {
    const { context, project, state } = world();
    expect(readAuthority(state)).toBeUndefined();
    const [one, two] = await Promise.all([
      readyAuthority({ ...context, flags: { waitLock: 20 } } as unknown as Context, project, 'a'),
      readyAuthority({ ...context, flags: { waitLock: 20 } } as unknown as Context, project, 'b'),
    ]);
    expect(two).toEqual(one);
    expect(readAuthority(state)).toEqual(one);
    const other = await readyAuthority(context, project, 'c', { renew: true });
    expect(other.ca).not.toBe(one.ca);
    // A line for each that was made, none where it was there.
    const audited = readFileSync(state.at('audit.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    const made = audited.filter(({ result }) => result === 'done').map(({ command, reason }) => `${command}: ${reason}`);
    expect(made).toEqual([expect.stringMatching(/^medianest [ab]: makes the CA of OpenVPN$/), 'medianest c: makes the CA of OpenVPN']);
    expect(JSON.stringify(audited)).not.toContain('PRIVATE KEY');
    // Its key is given to no container.
    const store = JSON.parse(readFileSync(state.at('secrets.json'), 'utf8')) as { values: Record<string, { value: string }> };
    expect(store.values['vpn-openvpn']?.value).not.toContain(other.caKey.split('\n')[1]);
    writeFileSync(state.at('secrets.json'), JSON.stringify({ ...store, values: { ...store.values, 'vpn-openvpn': { value: '<ca>\n' } } }));
    expect(() => readAuthority(state)).toThrow(expect.objectContaining({ code: 'STATE_DAMAGED' }));
  });

  it('signs a server and devices that cannot pose as one another', async () => {
    const { context, project } = world();
    const authority = await readyAuthority(context, project, 'a');
    const device = await newDevice(authority, 'phone', NOW);
    const [ca, server, own] = [authority.ca, authority.certificate, device.certificate].map((pem) => new X509Certificate(pem)) as [
      X509Certificate,
      X509Certificate,
      X509Certificate,
    ];
    for (const each of [server, own]) expect(each.checkIssued(ca) && each.verify(ca.publicKey)).toBe(true);
    expect([server.subject, server.keyUsage]).toEqual(['CN=medianest-vpn', ['1.3.6.1.5.5.7.3.1']]);
    expect([own.subject, own.keyUsage]).toEqual(['CN=phone', ['1.3.6.1.5.5.7.3.2']]);
    expect([ca.ca, own.ca]).toEqual([true, false]);
    expect(fingerprintOf(device.certificate)).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    const text = ovpnText({ ...device, ca: authority.ca, endpoint: '[2001:db8::1]:1194', protocol: 'tcp' });
    expect(text).toMatch(/^remote 2001:db8::1 1194$/m);
    expect(text).toMatch(/^verify-x509-name medianest-vpn name$/m);
    expect(identityIn(text.slice(text.indexOf('<ca>')))).toEqual({ ...device, ca: authority.ca });
  });

  it('has no use for a device’s own public key', async () => {
    const { context, project } = world();
    const asked = { command: 'add', publicKey: FINGERPRINT, out: undefined, change: () => (before: Record<string, VpnPeer>) => before };
    await expect(handOut(context, project, 'phone', asked)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

it('A device’s key of tls-crypt-v2 is one that the server can unwrap (doc/tls-crypt-v2.txt)', () => {
  const server = Buffer.from(Array.from({ length: SERVER_KEY_BYTES }, (_each, index) => index));
  expect(serverKeyIn(serverKeyText(server))).toEqual(server);
  expect(() => serverKeyIn('x')).toThrow();
  const random = Buffer.from(Array.from({ length: DEVICE_KEY_BYTES }, (_each, index) => 255 - index));
  const text = deviceKeyText(server, random, NOW);
  const bytes = Buffer.from(text.replace(/-----.*-----/g, ''), 'base64');
  expect(bytes.subarray(0, 256)).toEqual(random);
  const wrapped = bytes.subarray(256);
  const length = wrapped.subarray(-2);
  expect(length.readUInt16BE()).toBe(wrapped.length);
  const tag = wrapped.subarray(0, 32);
  const cipher = createDecipheriv('aes-256-ctr', server.subarray(0, 32), tag.subarray(0, 16));
  const plain = Buffer.concat([cipher.update(wrapped.subarray(32, -2)), cipher.final()]);
  expect(plain.subarray(0, 256)).toEqual(random);
  expect(plain.subarray(256).toString('hex')).toBe(
    `01${Math.floor(NOW.getTime() / 1000)
      .toString(16)
      .padStart(16, '0')}`,
  );
  const hmac = createHmac('sha256', server.subarray(64, 96)).update(Buffer.concat([length, plain]));
  expect(hmac.digest()).toEqual(tag);
});

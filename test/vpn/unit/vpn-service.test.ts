import { describe, expect, it } from 'vitest';
import { describePlan, planView } from '../../../src/firewall/plan/describe.ts';
import { policyOf } from '../../../src/firewall/plan/policy.ts';
import type { DoctorFacts } from '../../../src/host/plan/facts.ts';
import { examineTunnel } from '../../../src/host/plan/machine.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { VpnPeer } from '../../../src/stack/overrides.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const peer = (number: number, more: Partial<VpnPeer> = {}): VpnPeer => ({
  ...{ publicKey: `${'k'.repeat(42)}A=`, number, role: 'member', added: '2026-11-30T12:00:00.000Z' },
  ...more,
});
const settings = (text: string) => load({ file: `profile: dev-compose\ncomponents: { vpn: true }\n${text}\n` });
const build = (text = '', peers: Record<string, VpnPeer> = {}) => stackOf(settings(text), undefined, undefined, { peers });
const file = (name: string, text = '', peers: Record<string, VpnPeer> = {}) =>
  rendered(build(text, peers)).files.find(({ path }) => path === `vpn/${name}`)?.contents as string;
const refused = (text: string) => expect.objectContaining({ code: 'INVALID_SETTINGS', message: expect.stringContaining(text) });
const inputs = (text: string, peers: Record<string, VpnPeer> = {}) => rendered(build(text, peers)).inputs.vpn;

describe('the VPN', () => {
  it('is off unless it is asked for', () => {
    expect(stackOf(load({ file: 'profile: prod\n' })).services.map(({ name }) => name)).not.toContain('vpn');
  });

  it('publishes one port, of UDP, beside the same number of TCP', () => {
    const service = build('edge: { httpsPort: 51820 }').services.find(({ name }) => name === 'vpn');
    expect(service?.ports).toMatchObject([{ host: 51_820, container: 51_820, protocol: 'udp' }]);
    expect(() => build('vpn: { port: 9, address: [0.0.0.0, 127.0.0.1] }')).toThrow(refused('which contains it'));
  });

  it('lets members reach the edge, and admins also pages, mgmt and what is named, each at an address of its own', () => {
    const peers = { phone: peer(128), laptop: peer(129, { role: 'admin', until: '2027-01-01T00:00:00.000Z' }) };
    const rules = file('rules.nft', 'observability: full\nvpn: { alsoReach: ["postgres:5432"] }', peers);
    expect(rules).toContain('elements = { 10.60.144.128, 10.60.144.129 }');
    expect(rules).toMatch(/set admins \{\s+type ipv4_addr\s+elements = \{ 10\.60\.144\.129 \}/);
    const forAdmins = rules.slice(rules.indexOf('ip saddr != @admins drop'));
    for (const [address, port] of [
      ['10.30.0.90', 3000],
      ['10.30.0.92', 5601],
      ['192.168.0.20', 5432],
    ]) {
      expect(forAdmins).toContain(`ip daddr ${address} tcp dport ${port} accept`);
      expect(rules.split(`ip daddr ${address} tcp`)).toHaveLength(2);
    }
    expect(rules).not.toContain('@peers accept');
    expect(file('rules.nft', 'vpn: { peersMeet: true }')).toContain('oifname "wg0" ip daddr @peers accept');
    expect(file('peers', '', peers).split('\n')).toEqual([
      `${peers.phone.publicKey} 10.60.144.128 - phone`,
      `${peers.phone.publicKey} 10.60.144.129 1798761600 laptop`,
      '',
    ]);
  });

  it('leads peers to an edge that shares its ports, too', () => {
    const rules = (more: string) => {
      const own = load({
        file: `profile: dev-compose\ncomponents: { vpn: true, balancer: true }\nedge: { domains: [media.example.org]${more} }\n`,
      });
      return rendered(stackOf(own)).files.find(({ path }) => path === 'vpn/rules.nft')?.contents;
    };
    expect(rules('')).toContain(':8443');
    expect(rules(', shared: true')).toBe(rules(''));
  });

  it('leads also the ports that a router maps to the edge: a name has the same links inside and outside', () => {
    const rules = file('rules.nft', 'edge: { publicPort: 443, publicHttpPort: 80 }');
    expect(rules.match(/tcp dport \d+ dnat to \S+/g)).toEqual([
      'tcp dport 80 dnat to 172.16.0.10:8080',
      'tcp dport 443 dnat to 172.16.0.10:8443',
      'tcp dport 8080 dnat to 172.16.0.10:8080',
      'tcp dport 8443 dnat to 172.16.0.10:8443',
    ]);
    // What this host publishes comes before what a router does.
    expect(file('rules.nft', 'edge: { publicPort: 8080 }')).toContain('tcp dport 8080 dnat to 172.16.0.10:8080');
  });

  it('does without the database, and without any peer', () => {
    const rules = file('rules.nft');
    expect(rules).not.toContain('192.168.');
    expect(rules).not.toContain('elements');
    expect(file('peers')).toBe('');
  });

  it('has each peer’s key as a secret, and needs no new container for another peer', () => {
    const peers = { phone: peer(128) };
    expect(build('', peers).secrets.map(({ name }) => name)).toEqual(expect.arrayContaining(['vpn-preshared-phone', 'vpn-private-key']));
    expect(inputs('', peers)).toBe(inputs(''));
    expect(inputs('vpn: { network: 10.61.0.0/16 }')).not.toBe(inputs(''));
  });

  it('refuses a range that is taken or has no place for a peer, and a service that is not there', () => {
    expect(() => build('vpn: { network: 172.16.0.0/12 }')).toThrow(refused('overlaps the network dmz'));
    expect(() => build('vpn: { network: 172.16.3.0/24 }')).toThrow(refused('overlaps the network dmz'));
    expect(build('vpn: { network: 172.17.0.0/24 }').services.some(({ name }) => name === 'vpn')).toBe(true);
    expect(() => build('vpn: { network: 10.61.0.0/24 }', { phone: peer(40_000) })).toThrow(refused('no address for the peer phone'));
    expect(() => build('vpn: { alsoReach: ["postgre:5432"] }')).toThrow(refused('postgres'));
    expect(() => settings('vpn: { alsoReach: ["postgres"] }')).toThrow(refused('SERVICE:PORT'));
    for (const bad of ['10.0.0.0/30', '10.0.0.1/24', 'auto', 'fd00::/64'])
      expect(() => settings(`vpn: { network: "${bad}" }`)).toThrow(refused('network'));
    for (const bad of ['a b', 'a:b', 'a:0', 'a:1:2', 'a:70000', '$(id)'])
      expect(() => settings(`vpn: { endpoint: "${bad}" }`)).toThrow(refused('endpoint'));
  });

  it('answers names of the edge alone, and leaves every other to the host', () => {
    const names = file('dnsmasq.conf', 'edge: { domains: [media.example.org, localhost, 127.0.0.1] }');
    expect(names.match(/^host-record=.*$/gm)).toEqual(['host-record=media.example.org,10.60.144.1']);
    expect(names).toContain('server=/*.media.example.org/127.0.0.11');
    const cdn = load({ file: 'profile: dev-compose\ncomponents: { vpn: true, cdn: true }\ncdn: { host: files.example.org }\n' });
    const own = rendered(stackOf(cdn)).files.find(({ path }) => path === 'vpn/dnsmasq.conf')?.contents;
    expect(own).toContain('host-record=files.example.org,10.60.144.1');
  });

  it('finds the world’s names for peers: its network leads outside only for that', () => {
    const dmz = (text: string) => build(text).networks.find(({ name }) => name === 'dmz');
    expect(dmz('')).not.toHaveProperty('inboundOnly');
    expect(dmz('vpn: { dns: false }')).toHaveProperty('inboundOnly', true);
  });

  it('is open to everyone in the firewall, unless a setting names it', () => {
    const policy = (firewall: string) => {
      const loaded = settings(`firewall: ${firewall}`);
      const stack = stackOf(loaded);
      return policyOf({ settings: loaded.settings.firewall, edge: { operators: [], trustedProxies: [] }, stack, lists: {} });
    };
    expect(planView(policy('{}')).ports).toContainEqual({
      ...{ name: 'vpn.port', port: 51_820, protocol: 'udp', addresses: ['0.0.0.0'], from: ['everyone'] },
    });
    expect(describePlan(policy('{}'))).toMatch(/51820\/udp +vpn\.port +everyone/);
    expect(planView(policy('{ ports: { vpn.port: lan } }')).ports).toContainEqual(
      expect.objectContaining({ name: 'vpn.port', from: ['lan'] }),
    );
  });

  it('is not given the device of tunnels where the host has none: doctor says what follows', () => {
    const loaded = settings('');
    const facts = { version: '0.0.0', overrides: {}, subnets: SUBNETS, sourceHash: () => 'fixed', engineSocket: { path: '/s', gid: 1 } };
    const without = buildStack(loaded.settings, registry, { ...facts, host: { noTunDevice: true } });
    const definition = rendered(without).files[0]?.contents as string;
    expect(definition).not.toContain('/dev/net/tun');
    expect(examineTunnel({ stack: without } as DoctorFacts)).toMatchObject([{ id: 'vpn.tun', status: 'warn' }]);
    expect(examineTunnel({ stack: stackOf(loaded) } as DoctorFacts)).toEqual([]);
  });
});

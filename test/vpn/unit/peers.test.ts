import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { endFrom } from '../../../src/core/time.ts';
import { peerNumbers, serverAddress, tunnelAddress } from '../../../src/services/vpn/addresses.ts';
import type { VpnSettings } from '../../../src/services/vpn/vpn-settings.ts';
import type { VpnPeer } from '../../../src/stack/overrides.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { handOut } from '../../../src/vpn/hand-out.ts';
import { newKeys, publicKeyFor } from '../../../src/vpn/keys.ts';
import { configurationText, endpointOf, wireguardKey } from '../../../src/vpn/plan/configuration.ts';
import { peerRows, peerViews, vpnChecks } from '../../../src/vpn/plan/describe.ts';
import {
  changedPeer,
  knownPeer,
  peerName,
  publicKeyOf,
  reducesAccess,
  roleOf,
  withoutPeer,
  withPeer,
} from '../../../src/vpn/plan/peers.ts';
import { parseState, type ServerState } from '../../../src/vpn/plan/server-state.ts';
import { qrLines } from '../../../src/vpn/qr.ts';
import { load } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const NETWORK = '10.60.144.0/24';
const KEYS = ['HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=', 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='] as const;
const NOW = new Date('2026-11-30T12:00:00Z');
const asked = (publicKey: string = KEYS[0]): Omit<VpnPeer, 'number'> => ({ publicKey, role: 'member', added: NOW.toISOString() });
const refused = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) });
type Decode = (data: Uint8ClampedArray, width: number, height: number) => { data: string } | null;
const own = (more: Partial<VpnSettings> = {}): VpnSettings => ({ ...(load().settings.vpn as VpnSettings), ...more });

it('a configuration has a folder to go to before a peer is made', async () => {
  const cwd = temporaryFolder('out');
  writeFileSync(path.join(cwd, 'file'), '');
  const project = {
    loaded: load({ file: 'profile: dev-compose\ncomponents: { vpn: true }\n' }),
    state: new StateFolder(path.join(cwd, 's')),
  };
  const change = () => () => {
    throw new Error('it was changed');
  };
  for (const out of ['missing/phone.conf', 'file/phone.conf', 'file'])
    await expect(
      handOut({ cwd, flags: {} } as unknown as Context, project, 'phone', { command: 'add', publicKey: undefined, out, change }),
    ).rejects.toThrow(refused('USAGE', 'nothing was changed'));
});

describe('a key', () => {
  it('is that of its private one (RFC 7748, 6.1)', () => {
    const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');
    expect(publicKeyFor(base64('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'))).toBe(
      base64('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'),
    );
  });

  it('that is new belongs to its private one, and no two are the same', () => {
    const [one, two] = [newKeys(), newKeys()];
    expect(publicKeyFor(one.privateKey)).toBe(one.publicKey);
    expect(publicKeyOf(one.publicKey)).toBe(one.publicKey);
    expect(one.publicKey).not.toBe(two.publicKey);
  });

  it.each(['', 'x', `${'A'.repeat(43)}=`, `${'A'.repeat(42)}B=`, `${KEYS[0]}\n[Peer]`, KEYS[0].slice(0, 43)])('is not %j', (text) => {
    expect(() => publicKeyOf(text)).toThrow(refused('USAGE', '--public-key'));
  });
});

describe('a name', () => {
  it.each(['a', 'alice-phone', '0', 'a'.repeat(32)])('can be %s', (name) => expect(peerName(name)).toBe(name));
  it.each(['', '-a', 'a-', 'A', 'a b', '../a', 'a\nb', '$(id)', 'ä', 'a'.repeat(33), '__proto__'])('cannot be %j', (name) => {
    expect(() => peerName(name)).toThrow(refused('USAGE', 'no name for a peer'));
  });
  it('of an object’s own is no peer', () => {
    expect(() => knownPeer({}, 'constructor')).toThrow(refused('USAGE', 'no peer'));
    expect(Object.entries(withPeer({}, 'constructor', asked(), NETWORK))).toMatchObject([['constructor', { number: 128 }]]);
  });
});

describe('peers', () => {
  const one = withPeer({}, 'phone', asked(), NETWORK);

  it('have the lowest address that is free, and a removed one’s is free again', () => {
    const two = withPeer(one, 'laptop', asked(KEYS[1]), NETWORK);
    expect(Object.values(two).map(({ number }) => tunnelAddress(NETWORK, number))).toEqual(['10.60.144.128', '10.60.144.129']);
    expect(withPeer(withoutPeer(two, 'phone'), 'tablet', asked(), NETWORK).tablet?.number).toBe(128);
    expect(serverAddress(NETWORK)).toBe('10.60.144.1');
  });

  it('are not added twice, neither by name nor by key; the same plan again changes nothing', () => {
    expect(withPeer(one, 'phone', asked(), NETWORK)).toEqual(one);
    expect(() => withPeer(one, 'phone', asked(KEYS[1]), NETWORK)).toThrow(refused('VPN_REFUSED', 'a peer phone already'));
    expect(() => withPeer(one, 'other', asked(), NETWORK)).toThrow(refused('VPN_REFUSED', 'the peer phone has this public key'));
    const two = withPeer(one, 'laptop', asked(KEYS[1]), NETWORK);
    expect(() => changedPeer(two, 'laptop', { publicKey: KEYS[0] })).toThrow(refused('VPN_REFUSED', 'phone'));
  });

  it('are at most as many as the upper half of the network has addresses', () => {
    const { first, last } = peerNumbers(NETWORK);
    expect([first, last]).toEqual([128, 254]);
    const all = Object.fromEntries(
      Array.from({ length: last - first + 1 }, (_, index) => [`p${index}`, { ...asked(`k${index}`), number: first + index }]),
    );
    expect(() => withPeer(all, 'more', asked(), NETWORK)).toThrow(refused('VPN_REFUSED', 'no address left'));
  });

  it('change their role and end, and keep the rest', () => {
    const ends = changedPeer(one, 'phone', { role: 'admin', until: '2027-01-01T00:00:00.000Z' });
    expect(ends.phone).toEqual({ ...one.phone, role: 'admin', until: '2027-01-01T00:00:00.000Z' });
    const { until: _, ...endless } = ends.phone as VpnPeer;
    expect(changedPeer(ends, 'phone', { until: undefined } as unknown as Partial<VpnPeer>).phone).toEqual(endless);
    expect(() => roleOf('root')).toThrow(refused('USAGE', 'no such role'));
  });

  it('are changed beside what was interrupted where they have less afterwards', () => {
    const admin: VpnPeer = { ...asked(), number: 128, role: 'admin', until: '2027-01-01T00:00:00.000Z' };
    const { until: _, ...endless } = admin;
    const EARLIER = '2026-12-01T00:00:00.000Z';
    expect(reducesAccess(admin, { role: 'member' })).toBe(true);
    expect(reducesAccess(admin, { until: EARLIER })).toBe(true);
    expect(reducesAccess(endless, { role: 'member', until: EARLIER })).toBe(true);
    expect(reducesAccess({ ...admin, role: 'member' }, { role: 'admin' })).toBe(false);
    expect(reducesAccess(admin, { role: 'member', until: '2027-06-01T00:00:00.000Z' })).toBe(false);
    expect(reducesAccess(admin, { role: 'member', until: undefined })).toBe(false);
    expect(reducesAccess({ ...admin, role: 'member' }, { role: 'admin', until: EARLIER })).toBe(false);
  });

  it.each([
    ['2027-01-31', '2027-02-01T00:00:00.000Z'],
    ['2026-12-31 10:00+02:00', '2026-12-31T08:00:00.000Z'],
    ['2026-11-30', '2026-12-01T00:00:00.000Z'],
  ])('end at %s', (text, end) => expect(endFrom('--until', text, NOW).toISOString()).toBe(end));
  it.each(['2026-11-29', '2027-02-30', 'tomorrow', '', '10 minutes ago'])('cannot end at %j', (text) => {
    expect(() => endFrom('--until', text, NOW)).toThrow(refused('USAGE', '--until'));
  });
});

describe('a configuration', () => {
  const device = { address: '10.60.144.128', serverKey: KEYS[0], presharedKey: KEYS[1], endpoint: 'vpn.example.org:51820' };

  it('sends into the tunnel what is meant for the stack, and asks for names there', () => {
    expect(configurationText(own(), { ...device, privateKey: 'PRIVATE' })).toBe(
      `[Interface]\nPrivateKey = PRIVATE\nAddress = 10.60.144.128/32\nDNS = 10.60.144.1\n\n[Peer]\nPublicKey = ${KEYS[0]}\nPresharedKey = ${KEYS[1]}\nAllowedIPs = 10.60.144.0/24\nEndpoint = vpn.example.org:51820\n`,
    );
    const bare = configurationText(own({ dns: false }), device);
    expect(bare).not.toMatch(/^(DNS|PrivateKey)/m);
  });

  it('names where this host is reached: as it is set, or the first public name', () => {
    expect(endpointOf(own({ endpoint: 'a.example.org' }), [])).toBe('a.example.org:51820');
    expect(endpointOf(own({ endpoint: 'a.example.org:99', port: 7 }), ['b.example.org'])).toBe('a.example.org:99');
    expect(endpointOf(own({ port: 7 }), ['localhost', 'b.example.org'])).toBe('b.example.org:7');
    expect(endpointOf(own(), ['2001:db8::1'])).toBe('[2001:db8::1]:51820');
    expect(() => endpointOf(own(), ['localhost'])).toThrow(refused('INVALID_SETTINGS', 'vpn.endpoint'));
  });

  it('has keys as WireGuard writes them', () => {
    const bytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index));
    expect(wireguardKey(bytes.toString('base64url'))).toBe(bytes.toString('base64'));
  });

  it('is read from its QR code as it is', async () => {
    const { default: jsQR } = (await import('jsqr')) as unknown as { default: Decode };
    const text = configurationText(own(), { ...device, privateKey: newKeys().privateKey });
    // Two rows in a line, as a terminal shows them: light on dark.
    const rows = qrLines(text)
      .split('\n')
      .flatMap((line) => ['█▀', '█▄'].map((light) => [...line].map((character) => light.includes(character))));
    const [scale, size] = [4, rows[0]?.length ?? 0];
    const pixels = new Uint8ClampedArray((size * scale) ** 2 * 4).fill(255);
    for (let y = 0; y < size * scale; y++)
      for (let x = 0; x < size * scale; x++)
        if (!rows[Math.floor(y / scale)]?.[Math.floor(x / scale)])
          pixels.fill(0, (y * size * scale + x) * 4, (y * size * scale + x) * 4 + 3);
    expect(jsQR(pixels, size * scale, size * scale)?.data).toBe(text);
  });
});

describe('what the tunnel says', () => {
  const seconds = NOW.getTime() / 1000;
  const output = `engine userspace\npeer ${KEYS[0]} 198.51.100.7:4500 10.60.144.128/32 ${seconds - 60} 2048 1048576\npeer ${KEYS[1]} (none) 10.60.144.129/32 0 0 0\n`;
  const server = parseState(output) as ServerState;
  const peers = {
    phone: { ...asked(), number: 128 },
    laptop: { ...asked(KEYS[1]), number: 129 },
    old: { ...asked('old'), number: 130, until: '2026-11-30T11:59:59.000Z' },
    lost: { ...asked('lost'), number: 131 },
  };
  const states = (seen: ServerState | undefined, now = NOW) => peerViews(peers, own(), seen, now).map(({ state }) => state);

  it('is read, and other text is not', () => {
    expect(server).toEqual({
      engine: 'userspace',
      peers: [
        {
          publicKey: KEYS[0],
          endpoint: '198.51.100.7:4500',
          lastHandshake: '2026-11-30T11:59:00.000Z',
          receivedBytes: 2048,
          sentBytes: 1_048_576,
        },
        { publicKey: KEYS[1], receivedBytes: 0, sentBytes: 0 },
      ],
    });
    for (const text of ['', 'engine', 'Unable to access interface: No such device']) expect(parseState(text)).toBeUndefined();
  });

  it('makes the state of each peer', () => {
    expect(states(server)).toEqual(['connected', 'never', 'ended', 'missing']);
    expect(states(server, new Date(NOW.getTime() + 600_000))[0]).toBe('idle');
    expect(states(undefined)).toEqual(['unknown', 'unknown', 'ended', 'unknown']);
    expect(peerRows(peerViews(peers, own(), server, NOW))[0]).toEqual([
      ...['phone', 'member', '10.60.144.128', 'connected', '2026-11-30 11:59:00 UTC', '2.0 KiB / 1.0 MiB', '-'],
    ]);
  });

  it('is judged: who is missing, who is too many, and who is past the end', () => {
    const judged = (all: Parameters<typeof peerViews>[0], seen: ServerState | undefined) =>
      vpnChecks(peerViews(all, own(), seen, NOW), seen).map(({ id, status, message }) => `${id} ${status}: ${message}`);
    const { phone, laptop, old } = peers;
    expect(judged({ phone, laptop }, server)).toEqual(['vpn ok: VPN: wireguard-go, 1 of 2 peers connected']);
    expect(judged({ phone, old }, server)).toEqual([
      'vpn fail: VPN: the tunnel lets in 1 peer that the settings do not have',
      'vpn.ended warn: VPN: past their end, and not let in: old',
    ]);
    expect(judged(peers, server)[0]).toContain('does not know lost');
    expect(judged(peers, undefined)).toEqual(['vpn fail: VPN: the tunnel does not answer']);
  });
});

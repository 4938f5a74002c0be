import { parseCidr } from '../../core/cidr.ts';
import { UserError } from '../../core/errors.ts';
import { listenAddresses } from '../../settings/fields.ts';
import type { VpnPeer } from '../../stack/overrides.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { NetworkName } from '../../stack/types.ts';
import { otherProcesses } from '../app/processes/process.ts';
import { edge } from '../edge/edge.ts';
import { cdn } from '../edge/settings/cdn.ts';
import { INNER_PORT, peerNumbers, prefixOf, serverAddress, tunnelAddress } from './addresses.ts';
import { DEVICE, OPENVPN_KEEPS, openvpnFile, openvpnTunnel } from './openvpn.ts';
import { edgePorts, type Reached, reachedByAdmins } from './reach.ts';
import { OPENVPN_IDENTITY, presharedKey, SERVER_KEY, VPN } from './secrets.ts';
import { type VpnSettings, vpnSettings } from './vpn-settings.ts';

declare module '../../stack/service.ts' {
  interface HostFacts {
    /** This host has no /dev/net/tun: the engine would not start a container that is given it. */
    noTunDevice?: boolean;
  }
}

const HOST = 64;

export const vpn = defineService({
  name: VPN,
  key: 'vpn',
  summary: 'WireGuard or OpenVPN: the way in for peers, by role (`medianest vpn add`)',
  settings: vpnSettings,
  build: (own, input) => {
    const reached = reachedByAdmins(own, input);
    const networks = [...new Set<NetworkName>(['dmz', ...reached.map(({ network }) => network)])];
    refuseOverlap(own, networks, input);
    const openvpn = own.engine === 'openvpn';
    refuseProtocol(own);
    const all = Object.entries(input.overrides.peers ?? {});
    refuseNumbers(own, all, reached.length);
    const peers = all.filter(([, { engine = 'wireguard' }]) => engine === own.engine);
    const restarts = { tunnel: tunnelFile(own, input), ...(openvpn && { 'openvpn.conf': openvpnFile(own) }) };
    const server = serverAddress(own.network);
    const suffix = `${input.settings.project}.internal`;
    return [
      {
        name: VPN,
        image: input.image(VPN),
        uid: 0,
        role: 'vpn',
        host: HOST,
        networks,
        ports: listenAddresses(own.address).map((address) => ({
          ...{ address, host: own.port, container: INNER_PORT, setting: 'vpn.port', forEveryone: true as const },
          ...(own.protocol === 'udp' && { protocol: own.protocol }),
        })),
        mounts: [],
        secrets: openvpn ? [OPENVPN_IDENTITY] : [SERVER_KEY, ...peers.map(([name]) => presharedKey(name))],
        reloadsSecrets: true,
        // Docker’s resolver asks from within this container: without it, peers would find none of the world’s names.
        ...(own.dns && { callsOutside: true as const }),
        environment: {},
        view: {
          tun: !(input.engineSocket && input.host.noTunDevice),
          openvpn,
          device: DEVICE[own.engine],
          transport: own.protocol,
          server,
          network: own.network,
          edge: edgePorts(input.built, ({ host }) => input.address('dmz', host), mappedPorts(input)).map((one) => ({ ...one })),
          services: reached.map((one) => ({
            at: one.at,
            address: one.address,
            match: one.port === undefined ? 'meta l4proto tcp' : `tcp dport ${one.port}`,
            host: `${one.service}.${suffix}`,
          })),
          members: addressesOf(own, peers, ['admin', 'member']),
          admins: addressesOf(own, peers, ['admin']),
          peersMeet: own.peersMeet,
          dns: own.dns,
          domains: names(input),
          suffix,
        },
        files: { ...restarts, peers: peersFile(own, peers) },
        restarts,
        reload: ['vpn', 'reload'],
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: {
          root: 'the engine gives a capability to root alone; this one has no other, and no file of the host',
          NET_ADMIN: 'makes the tunnel, its addresses and its rules, all in the container’s own network stack',
          '/tmp': 'nothing of its own; programs expect it',
          '/run': 'the control socket of wireguard-go, and which peer ends next',
          ...(openvpn && OPENVPN_KEEPS),
          ports: 'the way in for peers: it answers only who has a key',
        },
        after: ['edge', ...new Set(reached.map(({ service }) => service))],
        interruption: 'about 15 s: peers connect again by themselves',
        notes: reachNotes(reached),
        urls: [],
      },
    ];
  },
});

/** Which ports a router maps to those of the edge. */
function mappedPorts(input: BuildInput): Record<string, number | undefined> {
  if (!input.enabled(edge.name)) return {};
  const { publicPort, publicHttpPort } = input.settingsOf(edge);
  return { 'edge.httpsPort': publicPort, 'edge.httpPort': publicHttpPort };
}

/** What the edge serves, by the names that a peer asks for. */
function names(input: BuildInput): string[] {
  if (!input.enabled(edge.name)) return [];
  const hosts = otherProcesses(input).flatMap(({ beside }) => beside?.host ?? []);
  const files = input.enabled(cdn.name) ? (input.settingsOf(cdn).host ?? []) : [];
  return [...new Set([...input.settingsOf(edge).domains, ...hosts].concat(files))].filter(
    (name) => !name.includes(':') && !/^[\d.]+$/.test(name) && name !== 'localhost',
  );
}

const addressesOf = ({ network }: VpnSettings, peers: readonly [string, VpnPeer][], roles: readonly VpnPeer['role'][]): string[] =>
  peers.filter(([, { role }]) => roles.includes(role)).map(([, { number }]) => tunnelAddress(network, number));

/** Assignments for the container's own shell: what it reads at its start alone. */
const tunnelFile = (own: VpnSettings, input: BuildInput): string =>
  `SERVER=${serverAddress(own.network)}/${prefixOf(own.network)}\nGATEWAY=${input.address('dmz', 1)}\nDNS=${own.dns}\n${own.engine === 'openvpn' ? openvpnTunnel(own) : ''}`;

/** A line for each peer: public key or fingerprint, address, its end in seconds of the epoch or `-`, name. */
const peersFile = ({ network }: VpnSettings, peers: readonly [string, VpnPeer][]): string =>
  peers
    .map(([name, { publicKey, number, until }]) => {
      const end = until === undefined ? '-' : String(Math.floor(Date.parse(until) / 1000));
      return `${publicKey} ${tunnelAddress(network, number)} ${end} ${name}\n`;
    })
    .join('');

const reachNotes = (reached: readonly Reached[]): string[] => [
  `VPN: role member reaches the edge; role admin also ${
    reached.map(({ service, at, port, path = '' }) => `${service} (${at}${port ? `:${port}${path}` : ''})`).join(', ') || 'nothing else'
  }`,
];

/** @throws UserError INVALID_SETTINGS */
function refuseProtocol({ engine, protocol }: VpnSettings): void {
  if (engine === 'openvpn' || protocol === 'udp') return;
  throw new UserError('INVALID_SETTINGS', 'vpn.protocol: WireGuard has UDP alone', 'set `vpn: { engine: openvpn }`, or leave protocol out');
}

/** Another `vpn.network` has other addresses, and not for every number. @throws UserError INVALID_SETTINGS */
function refuseNumbers({ network }: VpnSettings, peers: readonly [string, VpnPeer][], services: number): void {
  const { last } = peerNumbers(network);
  const [name] = peers.find(([, { number }]) => !Number.isInteger(number) || number <= services + 1 || number > last) ?? [];
  if (name === undefined) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `vpn.network ${network} has no address for the peer ${name}, which was added to another range`,
    'set vpn.network as it was, remove the peer (`medianest vpn remove`), then change the range and add it again',
  );
}

/** The tunnel's range is routed in the container: one of its networks in it would not be reached. @throws UserError INVALID_SETTINGS */
function refuseOverlap({ network }: VpnSettings, networks: readonly NetworkName[], input: BuildInput): void {
  const { first, last } = parseCidr(network) as { first: number; last: number };
  for (const name of networks) {
    const start = (parseCidr(`${input.address(name, 1)}/32`) as { first: number }).first - 1;
    const within = start >= first && start <= last;
    // A network that reaches up to the tunnel's range has room for an address with that number.
    if (!within && !(first > start && input.fits(name, Math.floor((first - start) / 2)))) continue;
    throw new UserError(
      'INVALID_SETTINGS',
      `vpn.network ${network} overlaps the network ${name}`,
      'choose another range for vpn.network, such as 10.61.144.0/24',
    );
  }
}

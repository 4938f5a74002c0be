import type { Check } from '../../capability/check.ts';
import { bytes, plural } from '../../core/plural.ts';
import { utcText } from '../../core/time.ts';
import { tunnelAddress } from '../../services/vpn/addresses.ts';
import type { VpnSettings } from '../../services/vpn/vpn-settings.ts';
import type { VpnPeer } from '../../stack/overrides.ts';
import { hasEnded, type Peers } from './peers.ts';
import type { SeenPeer, ServerState } from './server-state.ts';

/** A session ends three minutes after its last handshake (WireGuard's REJECT_AFTER_TIME). */
const SESSION_SECONDS = 180;

/** One peer, as `vpn list --json` has it. */
export interface PeerView extends Omit<VpnPeer, 'number'>, Partial<Omit<SeenPeer, 'publicKey' | 'connected' | 'untold'>> {
  name: string;
  address: string;
  /**
   * `unknown` where the container does not answer, or cannot tell; `missing`: it does, and does not know this peer; `other-engine`: its configuration is for
   * the engine that is not in use; `old-ca`: it is of a CA that `vpn rotate` has replaced.
   */
  state: 'connected' | 'idle' | 'never' | 'ended' | 'missing' | 'unknown' | 'other-engine' | 'old-ca';
}

/**
 * @param server undefined where the container does not answer
 * @param ca fingerprint of OpenVPN's CA; undefined where there is none
 */
export function peerViews(
  peers: Peers,
  { network, engine }: Pick<VpnSettings, 'network' | 'engine'>,
  server: ServerState | undefined,
  now: Date,
  ca?: string,
): PeerView[] {
  return Object.entries(peers).map(([name, { number, ...peer }]) => {
    const found = server?.peers.find(({ publicKey }) => publicKey === peer.publicKey);
    const { publicKey: _, connected, untold, ...seen }: Partial<SeenPeer> = found?.untold ? { untold: true } : (found ?? {});
    const state = !isFor(peer, engine)
      ? 'other-engine'
      : ofOldCa(peer, ca) && !hasEnded(peer, now)
        ? 'old-ca'
        : stateOf(peer, server, { ...seen, connected, untold }, now);
    return { name, address: tunnelAddress(network, number), ...peer, ...seen, state };
  });
}

const isFor = (peer: Pick<VpnPeer, 'engine'>, engine: VpnSettings['engine']): boolean => (peer.engine ?? 'wireguard') === engine;

const ofOldCa = (peer: Pick<VpnPeer, 'engine' | 'ca'>, ca: string | undefined): boolean =>
  peer.engine === 'openvpn' && peer.ca !== undefined && ca !== undefined && peer.ca !== ca;

function stateOf(
  peer: Omit<VpnPeer, 'number'>,
  server: ServerState | undefined,
  seen: { [K in keyof SeenPeer]?: SeenPeer[K] | undefined },
  now: Date,
): PeerView['state'] {
  if (hasEnded(peer, now)) return 'ended';
  if (!server || seen.untold) return 'unknown';
  if (seen.receivedBytes === undefined) return 'missing';
  if (seen.connected === true) return 'connected';
  if (seen.lastHandshake === undefined) return 'never';
  if (seen.connected === false) return 'idle';
  return now.getTime() - Date.parse(seen.lastHandshake) <= SESSION_SECONDS * 1000 ? 'connected' : 'idle';
}

/** Rows of a table, without its head. */
export const peerRows = (views: readonly PeerView[]): string[][] =>
  views.map(({ name, role, address, state, lastHandshake, receivedBytes, sentBytes, until }) => [
    ...[name, role, address, state],
    lastHandshake === undefined ? '-' : utcText(lastHandshake),
    receivedBytes === undefined || sentBytes === undefined ? '-' : `${bytes(receivedBytes)} / ${bytes(sentBytes)}`,
    until === undefined ? '-' : utcText(until),
  ]);

const ENGINES = { kernel: 'WireGuard of the kernel', userspace: 'wireguard-go', openvpn: 'OpenVPN' } as const;

export const engineText = ({ engine }: ServerState): string => ENGINES[engine];

/** What `health` says. @param server undefined where the container does not answer */
export function vpnChecks(views: readonly PeerView[], server: ServerState | undefined): Check[] {
  if (!server)
    return [
      { id: 'vpn', status: 'fail', message: 'VPN: the tunnel does not answer', remedy: 'medianest logs vpn; then medianest restart vpn' },
    ];
  const named = (state: PeerView['state']) => views.filter((one) => one.state === state).map(({ name }) => name);
  const known = new Set(views.filter(({ state }) => state !== 'ended').map(({ publicKey }) => publicKey));
  const strangers = server.peers.filter(({ publicKey }) => !known.has(publicKey)).length;
  const missing = named('missing');
  const ended = named('ended');
  const other = named('other-engine');
  const old = named('old-ca');
  const untold = named('unknown');
  const differs = [
    ...(missing.length > 0 ? [`does not know ${missing.join(', ')}`] : []),
    ...(strangers > 0 ? [`lets in ${plural(strangers, 'peer')} that the settings do not have`] : []),
  ];
  const connected = named('connected').length;
  return [
    differs.length > 0
      ? { id: 'vpn', status: 'fail', message: `VPN: the tunnel ${differs.join(', and ')}`, remedy: 'medianest restart vpn' }
      : {
          id: 'vpn',
          status: 'ok',
          message: `VPN: ${engineText(server)}, ${connected} of ${plural(views.length, 'peer')} connected`,
          value: connected,
        },
    ...(untold.length > 0
      ? [
          {
            id: 'vpn.seen',
            status: 'warn' as const,
            message: `VPN: it cannot tell when they were last in: ${untold.join(', ')}`,
            remedy: 'medianest restart vpn, which forgets what it has noted of them',
          },
        ]
      : []),
    ...(ended.length > 0
      ? [
          {
            id: 'vpn.ended',
            status: 'warn' as const,
            message: `VPN: past their end, and not let in: ${ended.join(', ')}`,
            remedy: `medianest vpn remove ${ended[0]}, or medianest vpn set ${ended[0]} --until DATE`,
          },
        ]
      : []),
    ...(other.length > 0
      ? [
          {
            id: 'vpn.engine',
            status: 'warn' as const,
            message: `VPN: their configuration is for the other engine, and they are not let in: ${other.join(', ')}`,
            remedy: `medianest vpn rotate ${other[0]}, or medianest vpn remove ${other[0]}`,
          },
        ]
      : []),
    ...(old.length > 0
      ? [
          {
            id: 'vpn.ca',
            status: 'warn' as const,
            message: `VPN: since this host has another CA they need another configuration, and are not let in: ${old.join(', ')}`,
            remedy: `medianest vpn rotate ${old[0]}, or medianest vpn remove ${old[0]}`,
          },
        ]
      : []),
  ];
}

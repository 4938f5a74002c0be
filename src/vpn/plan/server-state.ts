/** What the tunnel says of a peer. */
export interface SeenPeer {
  /** Of OpenVPN the fingerprint of the certificate. */
  publicKey: string;
  /** Where its last packet came from; undefined before the first. */
  endpoint?: string;
  /** When it last proved itself, of OpenVPN when it connected or left (ISO 8601, UTC); undefined before the first time. */
  lastHandshake?: string;
  receivedBytes: number;
  sentBytes: number;
  /** Where the engine knows it: WireGuard does not. */
  connected?: boolean;
  /** Its container cannot tell when it was last in. */
  untold?: true;
}

export interface ServerState {
  /** WireGuard of the kernel or beside it, or OpenVPN. */
  engine: 'kernel' | 'userspace' | 'openvpn';
  peers: SeenPeer[];
}

/** The last second that a date can have: what OpenVPN itself has noted may be anything. */
const LAST_SECOND = 8.64e12;

/** The lines of `vpn state` (templates/vpn/image); undefined where they are none. */
export function parseState(output: string): ServerState | undefined {
  const lines = output.split('\n').map((line) => line.trim().split(' '));
  const engine = lines.find(([word]) => word === 'engine')?.[1];
  if (engine !== 'kernel' && engine !== 'userspace' && engine !== 'openvpn') return undefined;
  const peers = lines.flatMap(([word, publicKey, endpoint, _allowed, handshake, received, sent, connected]): SeenPeer[] => {
    if (word !== 'peer' || publicKey === undefined) return [];
    const seconds = Number(handshake);
    return [
      {
        publicKey,
        ...(endpoint !== undefined && endpoint !== '(none)' && { endpoint }),
        ...(seconds > 0 && seconds <= LAST_SECOND && { lastHandshake: new Date(seconds * 1000).toISOString() }),
        receivedBytes: Number(received) || 0,
        sentBytes: Number(sent) || 0,
        ...(connected !== undefined && { connected: connected === 'yes' }),
        ...(handshake === '?' && { untold: true as const }),
      },
    ];
  });
  return { engine, peers };
}

import { UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import { peerNumbers } from '../../services/vpn/addresses.ts';
import type { VpnPeer } from '../../stack/overrides.ts';

const ROLES = ['admin', 'member'] as const;

export type Peers = Readonly<Record<string, VpnPeer>>;

/** What the server knows a device by. */
export type Known = Pick<VpnPeer, 'publicKey' | 'engine' | 'ca'>;

/** It becomes the name of a secret and of a file. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** @throws UserError USAGE */
export function peerName(text: string): string {
  if (NAME.test(text)) return text;
  throw new UserError(
    'USAGE',
    `${JSON.stringify(text.slice(0, 60))} is no name for a peer`,
    'use 1 to 32 lower-case letters, digits and -, such as alice-phone',
  );
}

/** @throws UserError USAGE */
export function roleOf(text: unknown): VpnPeer['role'] {
  const role = ROLES.find((one) => one === text);
  if (role) return role;
  throw new UserError('USAGE', `--role ${String(text)}: there is no such role`, `choose one of: ${ROLES.join(', ')}`);
}

/** 32 bytes in base64, as wg(8) writes them: the last character has two bits that are zero. @throws UserError USAGE */
export function publicKeyOf(text: string): string {
  if (/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text) && !/^A{43}=$/.test(text)) return text;
  throw new UserError('USAGE', '--public-key: should be the 44 characters that `wg pubkey` prints', 'copy it from the peer');
}

export const hasEnded = ({ until }: Pick<VpnPeer, 'until'>, now: Date): boolean =>
  until !== undefined && Date.parse(until) <= now.getTime();

/**
 * The peers with one more. Its number is the lowest that is free.
 * @throws UserError VPN_REFUSED where the name or the key is taken, or the network is full
 */
export function withPeer(peers: Peers, name: string, asked: Omit<VpnPeer, 'number'>, network: string): Peers {
  const same = Object.hasOwn(peers, name) ? peers[name] : undefined;
  // The plan of one command may be made several times.
  if (same && same.publicKey === asked.publicKey && same.added === asked.added) return peers;
  if (same)
    throw new UserError(
      'VPN_REFUSED',
      `there is a peer ${name} already; nothing was changed`,
      `choose another name, or give it new keys: medianest vpn rotate ${name}`,
    );
  refuseKnownKey(peers, asked.publicKey, name);
  const { first, last } = peerNumbers(network);
  const taken = new Set(Object.values(peers).map(({ number }) => number));
  for (let number = first; number <= last; number++) if (!taken.has(number)) return { ...peers, [name]: { ...asked, number } };
  throw new UserError(
    'VPN_REFUSED',
    `vpn.network ${network} has no address left for a peer; nothing was changed`,
    'remove peers that are not used: medianest vpn list',
  );
}

/** The peers with one that is different. @throws UserError VPN_REFUSED, USAGE where there is none of that name */
export function changedPeer(peers: Peers, name: string, change: Partial<VpnPeer>): Peers {
  const before = knownPeer(peers, name);
  if (change.publicKey !== undefined) refuseKnownKey(peers, change.publicKey, name);
  // Another key may be one for the other engine.
  const { engine: _, ca: __, ...kept } = before;
  const { until, ...rest } = { ...(change.publicKey === undefined ? before : kept), ...change };
  return { ...peers, [name]: { ...rest, ...(until !== undefined && { until }) } };
}

/**
 * The peers with the CA that has signed for each, where that was not noted.
 * @param ca its fingerprint, or any other text where it cannot be told: it is not the next one
 */
export const withKnownCa = (peers: Peers, ca: string): Peers =>
  Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, peer.engine === 'openvpn' ? { ca, ...peer } : peer]));

/** Whether a change gives the peer nothing that it did not have. */
export function reducesAccess(before: VpnPeer, change: { role?: VpnPeer['role']; until?: string | undefined }): boolean {
  const role = change.role === undefined || change.role === 'member' || change.role === before.role;
  if (!('until' in change)) return role;
  const ends = change.until !== undefined && (before.until === undefined || Date.parse(change.until) <= Date.parse(before.until));
  return role && ends;
}

export function withoutPeer(peers: Peers, name: string): Peers {
  const { [name]: _, ...rest } = peers;
  return rest;
}

/** @throws UserError USAGE */
export function knownPeer(peers: Peers, name: string): VpnPeer {
  const peer = Object.hasOwn(peers, name) ? peers[name] : undefined;
  if (peer) return peer;
  const names = Object.keys(peers);
  throw new UserError(
    'USAGE',
    `there is no peer ${JSON.stringify(name.slice(0, 60))}${names.length > 0 ? `; ${didYouMean(name, names)}` : ''}`,
    'medianest vpn list shows them',
  );
}

/** Two peers with one key are one to WireGuard: the later one would take over the address of the other. */
function refuseKnownKey(peers: Peers, publicKey: string, name: string): void {
  const other = Object.entries(peers).find(([one, peer]) => one !== name && peer.publicKey === publicKey);
  if (!other) return;
  throw new UserError(
    'VPN_REFUSED',
    `the peer ${other[0]} has this public key; nothing was changed`,
    'make a key for each device, or leave --public-key out',
  );
}

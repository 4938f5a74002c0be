import type { SecretSpec } from '../../stack/types.ts';

export const VPN = 'vpn';

/** A Curve25519 key is any 32 bytes (RFC 7748, 5): WireGuard sets the bits that are fixed. */
const KEY = { generate: true, bytes: 32 } as const;

export const SERVER_KEY: SecretSpec = { name: 'vpn-private-key', source: KEY, rotatedBy: 'medianest vpn rotate' };

/** What OpenVPN serves with, as it reads it: CA, certificate, key, key of tls-crypt-v2. Empty before the first peer. */
export const OPENVPN_IDENTITY: SecretSpec = { name: 'vpn-openvpn', source: { kept: '' }, rotatedBy: 'medianest vpn rotate' };

/** In secrets.json alone: what signs the certificates of peers. */
export const OPENVPN_AUTHORITY = 'vpn-openvpn-authority';

export const presharedKeyName = (peer: string): string => `vpn-preshared-${peer}`;

export const presharedKey = (peer: string): SecretSpec => ({
  ...{ name: presharedKeyName(peer), source: KEY },
  rotatedBy: `medianest vpn rotate ${peer}`,
});

import { UserError } from '../../core/errors.ts';
import { serverAddress } from '../../services/vpn/addresses.ts';
import type { VpnSettings } from '../../services/vpn/vpn-settings.ts';

/** What a device needs to connect. */
export interface DeviceConfiguration {
  /** Absent where the device has made its own key. */
  privateKey?: string;
  address: string;
  serverKey: string;
  presharedKey: string;
  endpoint: string;
}

/** A configuration as wg-quick(8) and the apps of WireGuard read it. */
export function configurationText(own: VpnSettings, device: DeviceConfiguration): string {
  return [
    '[Interface]',
    device.privateKey === undefined
      ? '# PrivateKey = the one that belongs to the public key that you gave'
      : `PrivateKey = ${device.privateKey}`,
    `Address = ${device.address}/32`,
    ...(own.dns ? [`DNS = ${serverAddress(own.network)}`] : []),
    '',
    '[Peer]',
    `PublicKey = ${device.serverKey}`,
    `PresharedKey = ${device.presharedKey}`,
    `AllowedIPs = ${own.network}`,
    `Endpoint = ${device.endpoint}`,
    '',
  ].join('\n');
}

/** Secrets are kept as base64url without an end; WireGuard writes base64. */
export const wireguardKey = (secret: string): string => `${secret.replaceAll('-', '+').replaceAll('_', '/')}=`;

/**
 * Where peers find this host.
 * @param domains `edge.domains`, or none where there is no edge
 * @throws UserError INVALID_SETTINGS where nothing says it
 */
export function endpointOf(own: VpnSettings, domains: readonly string[]): string {
  if (own.endpoint !== undefined) return own.endpoint.includes(':') ? own.endpoint : `${own.endpoint}:${own.port}`;
  const first = domains.find((name) => name !== 'localhost' && !name.startsWith('127.') && name !== '::1');
  if (first !== undefined) return `${first.includes(':') ? `[${first}]` : first}:${own.port}`;
  throw new UserError(
    'INVALID_SETTINGS',
    'nothing says where peers reach this host: vpn.endpoint is not set, and edge.domains has no public name',
    'set `vpn: { endpoint: home.example.org }`',
  );
}

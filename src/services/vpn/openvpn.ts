import { INNER_PORT, maskOf, serverAddress } from './addresses.ts';
import type { VpnSettings } from './vpn-settings.ts';

/** The interface of the tunnel, by engine. */
export const DEVICE = { wireguard: 'wg0', openvpn: 'tun0' } as const;

/** The name in the server's certificate, by which devices know it from a peer of the same CA. */
export const SERVER_NAME = 'medianest-vpn';

/** What both ends agree on: TLS from 1.2 on with key exchange by elliptic curves, and data under ciphers that authenticate. */
const OPENVPN_TERMS = ['tls-version-min 1.2', 'tls-groups X25519:secp256r1', 'data-ciphers AES-256-GCM:CHACHA20-POLY1305'];

/**
 * The server's configuration (openvpn(8), 2.6), without its keys. The interface is there before, and this process has no right to change it.
 * It asks the program of the container about each certificate that the CA has signed.
 */
export const openvpnFile = ({ network, dns, protocol }: VpnSettings): string => {
  const program = '"/usr/local/bin/vpn-openvpn';
  return [
    'mode server',
    'tls-server',
    `proto ${protocol === 'tcp' ? 'tcp4-server' : 'udp4'}`,
    `port ${INNER_PORT}`,
    `dev ${DEVICE.openvpn}`,
    'dev-type tun',
    'disable-dco',
    'topology subnet',
    `ifconfig ${serverAddress(network)} ${maskOf(network)}`,
    'ifconfig-noexec',
    'route-noexec',
    'push "topology subnet"',
    `push "route-gateway ${serverAddress(network)}"`,
    ...(dns ? [`push "dhcp-option DNS ${serverAddress(network)}"`] : []),
    'keepalive 10 30',
    // What connects and proves nothing is let go.
    'hand-window 30',
    'dh none',
    ...OPENVPN_TERMS,
    'remote-cert-tls client',
    'script-security 2',
    `tls-verify ${program} admits"`,
    `client-connect ${program} connects"`,
    `client-disconnect ${program} left"`,
    'management 127.0.0.1 7505 /run/openvpn/password',
    'data-ciphers-fallback AES-256-GCM',
    'suppress-timestamps',
    'verb 1',
    '',
  ].join('\n');
};

/** Further assignments for the container's shell. */
export const openvpnTunnel = ({ network }: VpnSettings): string => `ENGINE=openvpn\nNETMASK=${maskOf(network)}\n`;

export const OPENVPN_KEEPS = {
  SETUID: 'starts OpenVPN, which answers strangers, as a user without root and without any capability',
  SETGID: 'the same, for its group',
  '/run': 'which peer ends next, and who has connected last',
};

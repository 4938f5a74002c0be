import { UserError } from '../../core/errors.ts';
import { SERVER_NAME } from '../../services/vpn/openvpn.ts';

/** What OpenVPN serves with, as its configuration has it. */
export interface Identity {
  /** PEM. */
  ca: string;
  certificate: string;
  privateKey: string;
  tlsCrypt: string;
}

const block = (name: string, text: string): string => `<${name}>\n${text.trimEnd()}\n</${name}>\n`;

/** As the secret `vpn-openvpn` has it, and OpenVPN reads it. */
export const identityText = ({ ca, certificate, privateKey, tlsCrypt }: Identity): string =>
  [block('ca', ca), block('cert', certificate), block('key', privateKey), block('tls-crypt-v2', tlsCrypt)].join('');

/** @returns undefined for an empty text: no peer was added yet @throws UserError STATE_DAMAGED */
export function identityIn(text: string): Identity | undefined {
  if (text === '') return undefined;
  const part = (name: string): string => {
    const [, body] = new RegExp(`<${name}>\n([\\s\\S]+?)</${name}>\n`).exec(text) ?? [];
    if (body !== undefined) return body;
    throw new UserError(
      'STATE_DAMAGED',
      'vpn-openvpn in secrets.json is damaged; nothing was changed',
      'restore secrets.json, or medianest vpn rotate',
    );
  };
  return { ca: part('ca'), certificate: part('cert'), privateKey: part('key'), tlsCrypt: part('tls-crypt-v2') };
}

/** What a device needs to connect. */
export interface OvpnDevice {
  ca: string;
  certificate: string;
  privateKey: string;
  tlsCrypt: string;
  /** HOST:PORT. */
  endpoint: string;
  protocol: 'udp' | 'tcp';
}

/** A configuration as openvpn(8) from 2.5 on and the app OpenVPN Connect read it: all in one file. */
export function ovpnText({ endpoint, protocol, ...device }: OvpnDevice): string {
  const at = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  return [
    ...['client', 'dev tun', `proto ${protocol}`, `remote ${host} ${endpoint.slice(at + 1)}`, 'nobind', 'persist-tun'],
    ...['remote-cert-tls server', `verify-x509-name ${SERVER_NAME} name`, 'tls-version-min 1.2'],
    'data-ciphers AES-256-GCM:CHACHA20-POLY1305',
    identityText(device),
  ].join('\n');
}

import type { Context, Intent, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import { tunnelAddress } from '../services/vpn/addresses.ts';
import { presharedKeyName, SERVER_KEY } from '../services/vpn/secrets.ts';
import { newKeys, publicKeyFor } from './keys.ts';
import { readPeers, vpnSettingsOf } from './peers.ts';
import { configurationText, wireguardKey } from './plan/configuration.ts';
import { type Known, knownPeer } from './plan/peers.ts';

/** What a device comes in with. */
export interface Device {
  /** What the server knows it by. */
  known: Known;
  /** Secrets that are made for it. */
  renew: readonly string[];
  /** Its private key is in the configuration, and nowhere else. */
  complete: boolean;
  /** Its configuration, once the server knows it. @throws UserError */
  configuration(endpoint: string): string;
}

/** In place of a fingerprint in a dry run. */
const UNMADE = `${'A'.repeat(43)}=`;

/** @param publicKey the device's own; without it a pair of keys is made */
export function wireguardDevice(project: Project, name: string, publicKey: string | undefined): Device {
  const keys = publicKey === undefined ? newKeys() : { publicKey };
  const configuration = (endpoint: string) => {
    const own = vpnSettingsOf(project);
    const secrets = loadSecrets(project.state)?.values ?? {};
    const key = (secret: string): string => {
      const found = secrets[secret]?.value;
      if (found !== undefined) return wireguardKey(found);
      throw new UserError('STATE_DAMAGED', `the secret ${secret} is missing in secrets.json`, 'medianest up');
    };
    return configurationText(own, {
      ...('privateKey' in keys && { privateKey: keys.privateKey }),
      address: tunnelAddress(own.network, knownPeer(readPeers(project), name).number),
      serverKey: publicKeyFor(key(SERVER_KEY.name)),
      presharedKey: key(presharedKeyName(name)),
      endpoint,
    });
  };
  return { known: { publicKey: keys.publicKey }, renew: [presharedKeyName(name)], complete: 'privateKey' in keys, configuration };
}

/**
 * A key and a certificate, of the CA that is made with the first of them. A dry run makes neither.
 * @param command for the lock
 */
export async function openvpnDevice(context: Context, project: Project, name: string, command: string, intent: Intent): Promise<Device> {
  if (context.flags.dryRun) return { known: { publicKey: UNMADE, engine: 'openvpn' }, renew: [], complete: true, configuration: () => '' };
  const { fingerprintOf, newDevice, readAuthority, readyAuthority } = await import('./openvpn/authority.ts');
  const { ovpnText } = await import('./plan/ovpn.ts');
  const authority = await readyAuthority(context, project, command, intent);
  const device = await newDevice(authority, name, context.clock.now());
  const configuration = (endpoint: string) => {
    if (readAuthority(project.state)?.ca !== authority.ca)
      throw new UserError('VPN_REFUSED', 'this host was given other keys meanwhile', `medianest vpn rotate ${name}`);
    return ovpnText({ ...device, ca: authority.ca, endpoint, protocol: vpnSettingsOf(project).protocol });
  };
  const known = { publicKey: fingerprintOf(device.certificate), engine: 'openvpn' as const, ca: fingerprintOf(authority.ca) };
  return { known, renew: [], complete: true, configuration };
}

import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { exists, writing } from '../core/files.ts';
import type { EdgeSettings } from '../services/edge/settings/edge-settings.ts';
import { tunnelAddress } from '../services/vpn/addresses.ts';
import type { VpnPeer } from '../stack/overrides.ts';
import { openvpnDevice, wireguardDevice } from './devices.ts';
import { changePeers, readPeers, vpnSettingsOf } from './peers.ts';
import { endpointOf } from './plan/configuration.ts';
import { type Known, knownPeer, type Peers } from './plan/peers.ts';

/** A peer whose configuration was written for its device. */
interface HandedOut {
  peer: Omit<VpnPeer, 'number'> & { name: string; address: string };
  endpoint: string;
  file: string;
  /** The configuration. */
  text: string;
  /** Its private key is in it, and nowhere else. */
  complete: boolean;
}

/**
 * Changes one peer, with new keys, and writes what its device needs.
 * @param publicKey the device's own; without it a pair of keys is made
 * @param change the peers with what the server knows this one by in them
 * @returns for a dry run where the configuration would be written to
 * @throws UserError USAGE for a public key where the engine has certificates
 */
export async function handOut(
  context: Context,
  project: Project,
  name: string,
  asked: {
    command: string;
    publicKey: string | undefined;
    out: string | undefined;
    removesAccess?: true | undefined;
    change(known: Known): (before: Peers) => Peers;
  },
): Promise<HandedOut | { planned: string }> {
  const own = vpnSettingsOf(project);
  const openvpn = own.engine === 'openvpn';
  if (openvpn && asked.publicKey !== undefined)
    throw new UserError('USAGE', '--public-key: a peer of OpenVPN has a certificate, which is made with its key here', 'leave it out');
  const file = configurationFile(context, asked.out ?? `${name}.${openvpn ? 'ovpn' : 'conf'}`);
  const endpoint = endpointFor(project);
  const command = `vpn ${asked.command} ${name}`;
  const intent = asked.removesAccess ? { removesAccess: true as const } : {};
  const device = openvpn ? await openvpnDevice(context, project, name, command, intent) : wireguardDevice(project, name, asked.publicKey);
  const change = { change: asked.change(device.known), renew: device.renew, removesAccess: asked.removesAccess };
  if ((await changePeers(context, project, command, change)) === 'planned') return { planned: file };
  const text = writeConfiguration(file, device.configuration(endpoint), name);
  const { number, ...peer } = knownPeer(readPeers(project), name);
  return { peer: { name, address: tunnelAddress(own.network, number), ...peer }, endpoint, file, text, complete: device.complete };
}

/** @throws UserError INVALID_SETTINGS where nothing says where peers reach this host */
function endpointFor(project: Project): string {
  const { components, edge } = project.loaded.settings;
  return endpointOf(vpnSettingsOf(project), components.edge === true ? (edge as EdgeSettings).domains : []);
}

/** The file that a configuration will be written to. @throws UserError USAGE where there is one of that name, or no folder to write it to */
function configurationFile({ cwd }: Context, name: string): string {
  const file = path.resolve(cwd, name);
  if (exists(file)) throw new UserError('USAGE', `${file} is there already; nothing was changed`, 'choose another with --out');
  const folder = path.dirname(file);
  try {
    if (!statSync(folder).isDirectory()) throw new Error('it is no folder');
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const text = `${folder} cannot be written to (${systemCode(cause) ?? (cause as Error).message}); nothing was changed`;
    throw new UserError('USAGE', text, 'name a file in a folder that is there with --out', { cause });
  }
  return file;
}

/** Writes what a device needs, readable by its owner alone. @returns the text */
function writeConfiguration(file: string, text: string, name: string): string {
  try {
    writing(file, () => writeFileSync(file, text, { mode: 0o600, flag: 'wx', flush: true }), 'with --out');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, `${error.message}; the peer is there, and its configuration is lost`, `medianest vpn rotate ${name}`, {
      cause: error,
    });
  }
  return text;
}

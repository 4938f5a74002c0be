import { accessSync, constants, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { exists, writing } from '../core/files.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import type { EdgeSettings } from '../services/edge/settings/edge-settings.ts';
import { tunnelAddress } from '../services/vpn/addresses.ts';
import { presharedKeyName, SERVER_KEY } from '../services/vpn/secrets.ts';
import type { VpnPeer } from '../stack/overrides.ts';
import { newKeys, publicKeyFor } from './keys.ts';
import { changePeers, readPeers, vpnSettingsOf } from './peers.ts';
import { configurationText, endpointOf, wireguardKey } from './plan/configuration.ts';
import { knownPeer, type Peers } from './plan/peers.ts';

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
 * Changes one peer, with a new preshared key, and writes what its device needs.
 * @param publicKey the device's own; without it a pair of keys is made
 * @param change the peers with this public key in them
 * @returns for a dry run where the configuration would be written to
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
    change(publicKey: string): (before: Peers) => Peers;
  },
): Promise<HandedOut | { planned: string }> {
  const file = configurationFile(context, name, asked.out);
  const endpoint = endpointFor(project);
  const keys = asked.publicKey === undefined ? newKeys() : { publicKey: asked.publicKey, privateKey: undefined };
  const change = { change: asked.change(keys.publicKey), renew: [presharedKeyName(name)], removesAccess: asked.removesAccess };
  if ((await changePeers(context, project, `vpn ${asked.command} ${name}`, change)) === 'planned') return { planned: file };
  const text = writeConfiguration(project, name, file, keys.privateKey);
  const { number, ...peer } = knownPeer(readPeers(project), name);
  const address = tunnelAddress(vpnSettingsOf(project).network, number);
  return { peer: { name, address, ...peer }, endpoint, file, text, complete: keys.privateKey !== undefined };
}

/** @throws UserError INVALID_SETTINGS where nothing says where peers reach this host */
function endpointFor(project: Project): string {
  const { components, edge } = project.loaded.settings;
  return endpointOf(vpnSettingsOf(project), components.edge === true ? (edge as EdgeSettings).domains : []);
}

/** The file that a configuration will be written to. @throws UserError USAGE where there is one of that name, or no folder to write it to */
function configurationFile(context: Context, name: string, out: string | undefined): string {
  const file = path.resolve(context.cwd, out ?? `${name}.conf`);
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

/**
 * Writes what a device needs, readable by its owner alone. The private key is kept nowhere else.
 * @returns the text
 */
function writeConfiguration(project: Project, name: string, file: string, privateKey: string | undefined): string {
  const own = vpnSettingsOf(project);
  const secrets = loadSecrets(project.state)?.values ?? {};
  const key = (secret: string): string => {
    const found = secrets[secret]?.value;
    if (found !== undefined) return wireguardKey(found);
    throw new UserError('STATE_DAMAGED', `the secret ${secret} is missing in secrets.json`, 'medianest up');
  };
  const text = configurationText(own, {
    ...(privateKey !== undefined && { privateKey }),
    address: tunnelAddress(own.network, knownPeer(readPeers(project), name).number),
    serverKey: publicKeyFor(key(SERVER_KEY.name)),
    presharedKey: key(presharedKeyName(name)),
    endpoint: endpointFor(project),
  });
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

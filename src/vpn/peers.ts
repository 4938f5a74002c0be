import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, writing } from '../core/files.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { requireManifest } from '../project/open.ts';
import { converge } from '../reconcile/converge.ts';
import { readOverrides } from '../reconcile/prepare.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import type { EdgeSettings } from '../services/edge/settings/edge-settings.ts';
import { tunnelAddress } from '../services/vpn/addresses.ts';
import { presharedKeyName, SERVER_KEY, VPN } from '../services/vpn/secrets.ts';
import type { VpnSettings } from '../services/vpn/vpn-settings.ts';
import { publicKeyFor } from './keys.ts';
import { configurationText, endpointOf, wireguardKey } from './plan/configuration.ts';
import { knownPeer, type Peers } from './plan/peers.ts';
import { parseState, type ServerState } from './plan/server-state.ts';

export const isOn = ({ loaded }: Project): boolean => loaded.settings.components[VPN] === true;

export const vpnSettingsOf = ({ loaded }: Project): VpnSettings => loaded.settings.vpn as VpnSettings;

/** @throws UserError NOT_RUNNING */
export function requireVpn(project: Project): void {
  if (!isOn(project)) throw new UserError('NOT_RUNNING', 'the VPN is off', 'set `components: { vpn: true }`, then medianest up');
  if (requireManifest(project.state).services.some(({ name }) => name === VPN)) return;
  throw new UserError('NOT_RUNNING', 'the VPN was never started', 'medianest up');
}

export const readPeers = ({ state }: Project): Peers => readOverrides(state).peers ?? {};

/** @throws UserError INVALID_SETTINGS where nothing says where peers reach this host */
export function endpointFor(project: Project): string {
  const { components, edge } = project.loaded.settings;
  return endpointOf(vpnSettingsOf(project), components.edge === true ? (edge as EdgeSettings).domains : []);
}

/**
 * Changes the peers and has the tunnel take them, under the lock and with a line in the audit log. A dry run changes nothing.
 * @param renew secrets that are to get a new value
 */
export async function changePeers(
  context: Context,
  project: Project,
  command: string,
  { change, renew = [] }: { change: (before: Peers) => Peers; renew?: readonly string[] },
): Promise<'changed' | 'unchanged' | 'planned'> {
  const { result } = await converge(context, project, {
    overwrite: false,
    command,
    only: [VPN],
    renew,
    overrides: ({ peers = {}, ...overrides }) => {
      const after = change(peers);
      return { ...overrides, ...(Object.keys(after).length > 0 && { peers: after }) };
    },
  });
  return result;
}

/** What the tunnel says; undefined where its container does not run or does not answer. */
export async function readServer(engine: Engine, containers: readonly ObservedContainer[]): Promise<ServerState | undefined> {
  const container = containers.find(({ service, state }) => service === VPN && state === 'running');
  if (!container) return undefined;
  try {
    const { exitCode, output } = await engine.exec(container.id, ['vpn', 'state']);
    return exitCode === 0 ? parseState(output) : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The file that a configuration will be written to. @throws UserError USAGE where there is one of that name */
export function configurationFile(context: Context, name: string, out: unknown): string {
  const file = path.resolve(context.cwd, out === undefined ? `${name}.conf` : String(out));
  if (exists(file)) throw new UserError('USAGE', `${file} is there already; nothing was changed`, 'choose another with --out');
  return file;
}

/**
 * Writes what a device needs, readable by its owner alone. The private key is kept nowhere else.
 * @returns the text
 */
export function writeConfiguration(project: Project, name: string, file: string, privateKey: string | undefined): string {
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

/** What peers check this host by. */
export const serverPublicKey = ({ state }: Project): string | undefined => {
  const found = loadSecrets(state)?.values[SERVER_KEY.name]?.value;
  return found === undefined ? undefined : publicKeyFor(wireguardKey(found));
};

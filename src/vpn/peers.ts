import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { requireManifest } from '../project/open.ts';
import { converge } from '../reconcile/converge.ts';
import { readOverrides } from '../reconcile/prepare.ts';
import { loadSecrets } from '../secrets/store/secret-files.ts';
import { SERVER_KEY, VPN } from '../services/vpn/secrets.ts';
import type { VpnSettings } from '../services/vpn/vpn-settings.ts';
import { publicKeyFor } from './keys.ts';
import { wireguardKey } from './plan/configuration.ts';
import { type PeerView, peerViews } from './plan/describe.ts';
import type { Peers } from './plan/peers.ts';
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

/**
 * Changes the peers and has the tunnel take them, under the lock and with a line in the audit log. A dry run changes nothing.
 * @param renew secrets that are to get a new value
 * @param removesAccess what a device has is good no more: neither an edited file nor an interrupted restore holds that up
 */
export async function changePeers(
  context: Context,
  project: Project,
  command: string,
  { change, renew = [], removesAccess }: { change: (before: Peers) => Peers; renew?: readonly string[]; removesAccess?: true | undefined },
): Promise<'changed' | 'unchanged' | 'planned'> {
  const { result } = await converge(context, project, {
    overwrite: false,
    command,
    only: [VPN],
    renew,
    ...(removesAccess && { removesAccess }),
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

/** The peers as they are shown. @param server undefined where the container does not answer */
export async function viewedPeers(project: Project, server: ServerState | undefined, now: Date): Promise<PeerView[]> {
  const own = vpnSettingsOf(project);
  const ca = own.engine === 'openvpn' ? await knownServerKey(project) : undefined;
  return peerViews(readPeers(project), own, server, now, ca);
}

/** What peers check this host by: its public key, or the fingerprint of the CA that has signed its certificate. */
export async function serverPublicKey(project: Project): Promise<string | undefined> {
  const { state } = project;
  if (vpnSettingsOf(project).engine === 'openvpn') {
    const { fingerprintOf, readAuthority } = await import('./openvpn/authority.ts');
    const authority = readAuthority(state);
    return authority && fingerprintOf(authority.ca);
  }
  const found = loadSecrets(state)?.values[SERVER_KEY.name]?.value;
  return found === undefined ? undefined : publicKeyFor(wireguardKey(found));
}

/** The same; undefined also where secrets.json is damaged. */
export async function knownServerKey(project: Project): Promise<string | undefined> {
  try {
    return await serverPublicKey(project);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

import { UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint, NetworkName } from '../../stack/types.ts';
import { peerNumbers, tunnelAddress } from './addresses.ts';
import type { VpnSettings } from './vpn-settings.ts';

/** A service that admins reach: where it is in the tunnel, and in the stack. */
export interface Reached {
  /** The Compose service. */
  service: string;
  network: NetworkName;
  /** Its address in the tunnel. */
  at: string;
  /** Its fixed address in the stack. */
  address: string;
  /** Its port; undefined for all of TCP. */
  port?: number;
  /** Where its page begins, if not at /. */
  path?: string;
}

/** A published port of the edge, at the tunnel's own address. */
export interface EdgePort {
  port: number;
  address: string;
  to: number;
}

/** Where a service that names no network of its own is looked for, the nearest to administration first. */
const ORDER: readonly NetworkName[] = ['mgmt', 'monitoring', 'app', 'control', 'db', 'auth'];

/**
 * What admins reach: the pages that `medianest open` shows, the services of `mgmt`, and what `vpn.alsoReach` names.
 * @throws UserError INVALID_SETTINGS where it names what the stack does not have
 */
export function reachedByAdmins({ alsoReach, network }: VpnSettings, input: BuildInput): Reached[] {
  const wanted: Omit<Reached, 'at'>[] = [
    ...input.built.flatMap(({ name, page }) =>
      page ? [{ service: name, network: 'monitoring' as const, address: page.address, port: page.port, path: page.path ?? '' }] : [],
    ),
    ...input.built
      .filter(({ networks, oneOff }) => networks.includes('mgmt') && !oneOff)
      .map(({ name, host }) => ({ service: name, network: 'mgmt' as const, address: input.address('mgmt', host) })),
    ...alsoReach.map((text) => asked(text, input)),
  ];
  if (wanted.length + 2 > peerNumbers(network).first)
    throw new UserError('INVALID_SETTINGS', `vpn.network ${network} is too small for ${wanted.length} services`, 'choose a wider one');
  return wanted.map((one, index) => ({ ...one, at: tunnelAddress(network, index + 2) }));
}

function asked(text: string, input: BuildInput): Omit<Reached, 'at'> {
  const [name = '', port] = text.split(':');
  const found = input.built.find((one) => one.name === name);
  const network = found && ORDER.find((one) => found.networks.includes(one));
  if (found && network) return { service: name, network, address: input.address(network, found.host), port: Number(port) };
  const names = input.built.filter(({ networks }) => networks.some((one) => ORDER.includes(one))).map((one) => one.name);
  throw new UserError(
    'INVALID_SETTINGS',
    `vpn.alsoReach: there is no service ${name} that a peer could reach; ${didYouMean(name, names)}`,
    'correct vpn.alsoReach in medianest.yml: names are those of `medianest status`',
  );
}

/**
 * The ports that the way in publishes, or has of the front, and those that a router maps to them, each once: links name these. Through the
 * tunnel a peer comes to the edge itself.
 * @param mapped the setting of a published port -> the port that the world sees in its place
 */
export function edgePorts(
  built: readonly Blueprint[],
  addressOf: (one: Blueprint) => string,
  mapped: Readonly<Record<string, number | undefined>>,
): EdgePort[] {
  const ports = built
    .filter(({ name, role }) => role === 'edge' || name === 'all-in-one')
    .flatMap((one) =>
      [...one.ports, ...(one.front?.ports ?? [])].map(({ host, container, setting }) => ({
        port: host,
        address: addressOf(one),
        to: container,
        setting,
      })),
    );
  const outside = ports.flatMap(({ setting, ...one }) => (mapped[setting] === undefined ? [] : [{ ...one, port: mapped[setting] }]));
  // One that is published here is what it says.
  const all = [...outside, ...ports.map(({ setting: _, ...one }) => one)];
  return [...new Map(all.map((one) => [one.port, one])).values()];
}

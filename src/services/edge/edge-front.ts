import net from 'node:net';
import { UserError } from '../../core/errors.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { FrontLink, Mount, PublishedPort } from '../../stack/types.ts';
import { balancer } from '../app/balancer.ts';
import { LOCAL_NAMES } from './edge-certificates.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';

declare module '../../stack/service.ts' {
  interface HostFacts {
    /** The front of this user: its Compose project and its state folder. */
    front?: { name: string; root: string } | undefined;
  }
}

/** Where the edge's container has its part of the front's sockets. */
const SOCKETS_TARGET = '/run/front';

/**
 * How the edge is reached where it shares its ports: the front passes on what is for these names, by sockets in a folder that
 * only the two of them mount. It knows no address of the edge, and the edge believes what the front says of a client by that alone.
 * @param names all that the edge serves @throws UserError INVALID_SETTINGS
 */
export function frontOf(own: EdgeSettings, names: readonly string[], ports: PublishedPort[], input: BuildInput): FrontLink | undefined {
  if (!own.shared) return undefined;
  const refuse = (what: string, fix: string): never => {
    throw new UserError('INVALID_SETTINGS', `edge.shared: ${what}`, fix);
  };
  const address = own.domains.find((name) => net.isIP(name) !== 0);
  if (address) refuse(`${address} is an address, and projects share ports by name alone`, 'leave it out of `edge.domains`');
  if (own.trustedProxies.length > 0)
    refuse(
      'what a proxy of edge.trustedProxies says of its client cannot be believed behind the front',
      'leave edge.trustedProxies empty, or give this project an address of its own (edge.address) without edge.shared',
    );
  if (!input.enabled(balancer.name)) refuse('the front runs from the balancer’s image', 'set `components: { balancer: true }`');
  const place = input.host.front ?? { name: 'medianest-front', root: '/var/lib/medianest/front' };
  const isRouted = (name: string) => net.isIP(name) === 0 && (own.domains.includes(name) || !LOCAL_NAMES.includes(name));
  return { ...place, ports, names: [...new Set(names)].filter(isRouted) };
}

/** What is different in the edge's container where the front leads to it. */
export function frontPart(front: FrontLink | undefined, { settings }: Pick<BuildInput, 'settings'>) {
  const sockets: Mount[] = front
    ? [{ source: `${front.root}/sockets/${settings.project}`, target: SOCKETS_TARGET, kind: 'bind', readOnly: false, socket: true }]
    : [];
  return {
    mounts: sockets,
    keeps: front
      ? { [SOCKETS_TARGET]: 'the two sockets by which the front passes visitors on' }
      : { ports: 'the only way in: HTTP and HTTPS' },
  };
}

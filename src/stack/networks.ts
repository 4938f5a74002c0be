import { isIpv6, uniqueLocalRange } from '../core/ip-address.ts';

export const NETWORKS = ['dmz', 'app', 'db', 'control', 'mgmt', 'out', 'monitoring', 'auth'] as const;
export type NetworkName = (typeof NETWORKS)[number];

export interface Network {
  name: NetworkName;
  subnet: string;
  internal: boolean;
  /** Its host has no address in it: containers reach nothing that the host listens on. Internal networks alone; absent where the engine cannot. */
  isolated?: true;
  /** Nothing in it gets an answer from outside: it has only published ports. */
  inboundOnly?: true;
  /** Its range of IPv6 addresses, where a port is published on one. */
  ipv6?: string;
}

/** What a service says that decides how its networks are made. */
interface Connected {
  networks: readonly NetworkName[];
  ports: readonly { address: string }[];
  egress?: boolean;
  callsOutside?: true;
}

/** Without IPv6 of its own, a container sees all visitors of an IPv6 address as one: Docker's proxy, which calls it over IPv4. */
const hasIpv6 = (services: readonly Connected[]): boolean => services.some(({ ports }) => ports.some(({ address }) => isIpv6(address)));

/**
 * The range of IPv6 addresses that a network has.
 * @param services all that may be in it
 * @returns undefined where none of them publishes a port on such an address
 */
export const ipv6RangeOf = (
  { project, name, subnet }: { project: string; name: NetworkName; subnet: string },
  services: readonly Connected[],
): string | undefined =>
  (name === 'dmz' || name === 'mgmt') && hasIpv6(services.filter(({ networks }) => networks.includes(name)))
    ? uniqueLocalRange(`${project} ${subnet}`)
    : undefined;

/** In the network of administration are only ways in, the bastion and the VPN: they answer, and call nothing outside. */
const hasOnlyWaysIn = (services: readonly Connected[]): boolean =>
  services.every(({ networks, ports }) => !networks.includes('mgmt') || ports.length > 0);

/** What leads outside: visitors' way in, that of the containers which call addresses outside, and the application's where one asks for it. */
export function usedNetworks(
  project: string,
  services: readonly Connected[],
  { subnets, isolated }: { subnets: Readonly<Record<NetworkName, string>>; isolated?: boolean | undefined },
): Network[] {
  const egress = services.some((service) => service.egress && service.networks.includes('app'));
  const open: Record<NetworkName, boolean> = {
    dmz: true,
    app: egress,
    db: false,
    control: false,
    mgmt: true,
    out: true,
    monitoring: false,
    auth: false,
  };
  const used = new Set(services.flatMap((service) => service.networks));
  return (Object.keys(open) as NetworkName[])
    .filter((name) => used.has(name))
    .map((name) => {
      const ipv6 = ipv6RangeOf({ project, name, subnet: subnets[name] }, services);
      return {
        name,
        subnet: subnets[name],
        internal: !open[name],
        ...(isolated && !open[name] && { isolated: true }),
        ...(name === 'dmz' && !services.some(({ callsOutside }) => callsOutside) && { inboundOnly: true }),
        ...(name === 'mgmt' && hasOnlyWaysIn(services) && { inboundOnly: true }),
        ...(ipv6 !== undefined && { ipv6 }),
      };
    });
}

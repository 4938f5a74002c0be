import { isIpv6, uniqueLocalRange } from '../core/ip-address.ts';
import type { Blueprint, Network, NetworkName } from './types.ts';

/** Without IPv6 of its own, a container sees all visitors of an IPv6 address as one: Docker's proxy, which calls it over IPv4. */
const hasIpv6 = (services: readonly Blueprint[]): boolean => services.some(({ ports }) => ports.some(({ address }) => isIpv6(address)));

/** What leads outside: visitors' way in, that of the containers which call addresses outside, and the application's where one asks for it. */
export function usedNetworks(
  project: string,
  services: readonly Blueprint[],
  { subnets, isolated }: { subnets: Readonly<Record<NetworkName, string>>; isolated?: boolean | undefined },
): Network[] {
  const egress = services.some((service) => service.egress && service.networks.includes('app'));
  const open: Record<NetworkName, boolean> = { dmz: true, app: egress, db: false, control: false, mgmt: true, out: true };
  const used = new Set(services.flatMap((service) => service.networks));
  return (Object.keys(open) as NetworkName[])
    .filter((name) => used.has(name))
    .map((name) => ({
      name,
      subnet: subnets[name],
      internal: !open[name],
      ...(isolated && !open[name] && { isolated: true }),
      ...(name === 'dmz' && !services.some(({ callsOutside }) => callsOutside) && { inboundOnly: true }),
      ...(name === 'dmz' && hasIpv6(services) && { ipv6: uniqueLocalRange(`${project} ${subnets[name]}`) }),
    }));
}

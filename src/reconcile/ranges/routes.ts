import { readFileSync } from 'node:fs';
import { formatAddress, formatCidr, parseCidr } from '../../core/cidr.ts';
import type { TakenRange } from '../../stack/subnets.ts';
import type { Reached } from '../plan/reached.ts';

const ROUTES = '/proc/net/route';

/** The host's IPv4 routes but the default one, with the device of each. */
export function hostRoutes(file = ROUTES): (TakenRange & { device: string })[] {
  return routes(file).flatMap(({ device, destination, mask }) => {
    if (mask === '00000000') return [];
    const prefix = ones(littleEndian(mask));
    const range = parseCidr(`${formatAddress(littleEndian(destination))}/${prefix}`);
    return range ? [{ subnet: formatCidr(range), by: `a route of this host, on ${device}`, device }] : [];
  });
}

/** Where the default routes lead. */
export const defaultGateways = (file = ROUTES): Reached[] =>
  routes(file).flatMap(({ gateway, mask }) =>
    mask === '00000000' && gateway !== '00000000'
      ? [{ host: formatAddress(littleEndian(gateway)), by: 'the default gateway of this host' }]
      : [],
  );

/** The lines of /proc/net/route (proc(5)): numbers are little-endian hex. */
function routes(file: string): { device: string; destination: string; gateway: string; mask: string }[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [device, destination, gateway, , , , , mask] = line.split('\t');
      return device && destination && gateway && mask ? [{ device, destination, gateway, mask }] : [];
    });
}

const littleEndian = (hex: string): number => Number.parseInt((hex.match(/../g) ?? []).reverse().join(''), 16);

const ones = (mask: number): number => [...mask.toString(2)].filter((bit) => bit === '1').length;

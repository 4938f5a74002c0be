import { readFileSync } from 'node:fs';
import { formatAddress, formatCidr, parseCidr } from '../core/cidr.ts';
import type { TakenRange } from '../stack/subnets.ts';

/** The host's IPv4 routes but the default one (proc(5), /proc/net/route: little-endian hex), with the device of each. */
export function hostRoutes(file = '/proc/net/route'): (TakenRange & { device: string })[] {
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
      const [device, destination, , , , , , mask] = line.split('\t');
      if (!device || !destination || !mask || mask === '00000000') return [];
      const prefix = ones(littleEndian(mask));
      const range = parseCidr(`${formatAddress(littleEndian(destination))}/${prefix}`);
      return range ? [{ subnet: formatCidr(range), by: `a route of this host, on ${device}`, device }] : [];
    });
}

const littleEndian = (hex: string): number => Number.parseInt((hex.match(/../g) ?? []).reverse().join(''), 16);

const ones = (mask: number): number => [...mask.toString(2)].filter((bit) => bit === '1').length;

import { formatCidr, overlaps, parseCidr, type Range } from '../core/cidr.ts';
import { UserError } from '../core/errors.ts';
import { NETWORKS, type NetworkName } from './types.ts';

/** The design's ranges (stack.md), and the private block (RFC 1918) that a replacement is looked for in. */
const DEFAULTS: Record<NetworkName, { subnet: string; block: string }> = {
  dmz: { subnet: '172.16.0.0/16', block: '172.16.0.0/12' },
  app: { subnet: '10.0.0.0/16', block: '10.0.0.0/8' },
  db: { subnet: '192.168.0.0/16', block: '192.168.0.0/16' },
  mgmt: { subnet: '10.10.0.0/16', block: '10.0.0.0/8' },
};

/** All private ranges (RFC 1918): the next best where a block is used up, as db's is by its own default of another project. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

const SMALLEST = 24;

/** A range in use on this host and who uses it: a route, or another project's network. */
export interface TakenRange {
  subnet: string;
  by: string;
}

export interface SubnetChoice {
  subnets: Record<NetworkName, string>;
  /** One line for each network that could not have its default range. */
  moved: { network: NetworkName; text: string }[];
}

/**
 * Chooses each network's range: the operator's, the remembered one, the default, or the widest free range of the
 * same block. An explicit range that overlaps something is refused, naming both sides.
 */
export function chooseSubnets(
  wanted: Readonly<Record<NetworkName, { subnet: string }>>,
  remembered: Readonly<Partial<Record<NetworkName, string>>>,
  taken: readonly TakenRange[],
): SubnetChoice {
  const used = taken.flatMap((entry) => {
    const range = parseCidr(entry.subnet);
    return range ? [{ range, ...entry }] : [];
  });
  const chosen: { range: Range; subnet: string; by: string }[] = [];
  const conflict = (range: Range) => [...used, ...chosen].find((entry) => overlaps(entry.range, range));
  const subnets = {} as Record<NetworkName, string>;
  const moved: SubnetChoice['moved'] = [];
  // Explicit ranges first: an automatic one must give way to them.
  const order = [...NETWORKS].sort((a, b) => Number(wanted[a].subnet === 'auto') - Number(wanted[b].subnet === 'auto'));
  for (const name of order) {
    const explicit = wanted[name].subnet === 'auto' ? undefined : wanted[name].subnet;
    const first = explicit ?? remembered[name] ?? DEFAULTS[name].subnet;
    const blocker = conflict(parseCidr(first) as Range);
    if (blocker && explicit) {
      throw new UserError(
        'SUBNET_TAKEN',
        `networks.${name}.subnet ${explicit} overlaps ${blocker.subnet} (${blocker.by})`,
        `choose a free range, or \`networks.${name}.subnet: auto\``,
      );
    }
    const subnet = blocker ? freeRange([DEFAULTS[name].block, ...PRIVATE], conflict) : first;
    if (!subnet) {
      throw new UserError(
        'SUBNET_TAKEN',
        `no free range for the network ${name}: ${first} overlaps ${blocker?.subnet} (${blocker?.by})`,
        `set networks.${name}.subnet to a free range`,
      );
    }
    if (blocker) {
      const text = `network ${name}: ${first} overlaps ${blocker.subnet} (${blocker.by}), so ${subnet} is used`;
      moved.push({ network: name, text });
    }
    subnets[name] = subnet;
    chosen.push({ range: parseCidr(subnet) as Range, subnet, by: `network ${name}` });
  }
  return { subnets, moved };
}

/** The widest free range of the first block that has one, /16 at most, the lowest of its size. */
function freeRange(blocks: readonly string[], conflict: (range: Range) => unknown): string | undefined {
  for (const block of blocks) {
    const found = freeRangeIn(parseCidr(block) as Range, conflict);
    if (found) return found;
  }
  return undefined;
}

function freeRangeIn(outer: Range, conflict: (range: Range) => unknown): string | undefined {
  for (let prefix = Math.max(16, outer.prefix); prefix <= SMALLEST; prefix++) {
    const count = 2 ** (32 - prefix);
    for (let first = outer.first; first + count - 1 <= outer.last; first += count) {
      const range = { first, last: first + count - 1, prefix };
      if (!conflict(range)) return formatCidr(range);
    }
  }
  return undefined;
}

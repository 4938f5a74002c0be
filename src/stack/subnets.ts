import { formatCidr, overlaps, parseCidr, type Range } from '../core/cidr.ts';
import { UserError } from '../core/errors.ts';
import { NETWORKS, type NetworkName } from './types.ts';

/**
 * Where each network's range is looked for: from the first one on, upwards in the private block (RFC 1918), then from its start.
 * Home and office networks number their ranges from 0 or 1, so these begin elsewhere.
 */
const DEFAULTS: Record<NetworkName, { first: string; block: string }> = {
  dmz: { first: '172.16.144.0', block: '172.16.0.0/12' },
  app: { first: '10.0.144.0', block: '10.0.0.0/8' },
  db: { first: '192.168.144.0', block: '192.168.0.0/16' },
  control: { first: '10.40.144.0', block: '10.0.0.0/8' },
  mgmt: { first: '10.10.144.0', block: '10.0.0.0/8' },
  out: { first: '10.20.144.0', block: '10.0.0.0/8' },
  monitoring: { first: '10.30.144.0', block: '10.0.0.0/8' },
  auth: { first: '10.50.144.0', block: '10.0.0.0/8' },
};

/** All private ranges (RFC 1918): the next best where a block is used up. */
export const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];

/** No range is narrower. */
const NARROWEST = 24;

/** A range or address that others have, and who they are: a route of this host, another project's network, or what this host has to reach. */
export interface TakenRange {
  subnet: string;
  by: string;
  /** It has to stay reachable from here: no range is chosen over it, and a range that is in use already keeps it. */
  reached?: true;
}

/** The highest number of a fixed address that each network needs. */
export type AddressNeeds = Readonly<Record<NetworkName, number>>;

/** How networks are made. */
export interface Reach {
  /** Internal networks have no address of their host. */
  isolated: boolean;
  /** The application's network leads to no address outside, as it did in versions before 0.5 where the settings named one. */
  appClosed: boolean;
}

export interface SubnetChoice {
  subnets: Record<NetworkName, string>;
  /** One line for each network that could not have its default range. */
  moved: { network: NetworkName; text: string }[];
  /** One line for each network that keeps its range although it covers what this host has to reach. */
  covers: { network: NetworkName; text: string }[];
}

interface Claimed extends TakenRange {
  range: Range;
}

/**
 * Chooses each network's range: the operator's, the remembered one, the default, or the next free range of the same
 * block; no wider than its fixed addresses need. An explicit range that overlaps something is refused, naming both sides.
 * @param stays whether a network's remembered range is in use: it stays, and others are chosen beside it
 */
export function chooseSubnets(
  wanted: Readonly<Record<NetworkName, { subnet: string }>>,
  remembered: Readonly<Partial<Record<NetworkName, string>>>,
  taken: readonly TakenRange[],
  needs: AddressNeeds,
  stays: (network: NetworkName) => boolean = () => false,
): SubnetChoice {
  const used = taken.flatMap((entry): Claimed[] => {
    const range = parseCidr(entry.subnet.includes('/') ? entry.subnet : `${entry.subnet}/32`);
    return range ? [{ range, ...entry }] : [];
  });
  const chosen: Claimed[] = [];
  const choice: SubnetChoice = { subnets: {} as Record<NetworkName, string>, moved: [], covers: [] };
  // Explicit ranges first: an automatic one must give way to them.
  const order = [...NETWORKS].sort((a, b) => Number(wanted[a].subnet === 'auto') - Number(wanted[b].subnet === 'auto'));
  for (const name of order) {
    const explicit = wanted[name].subnet === 'auto' ? undefined : wanted[name].subnet;
    const first = explicit ?? remembered[name] ?? firstRange(name, needs[name]);
    const kept = remembered[name] === first;
    const claims = kept && stays(name) ? chosen : [...used, ...chosen];
    const blocker = claims.find((claim) => blocks(claim, parseCidr(first) as Range, { kept, explicit: explicit !== undefined }));
    if (blocker && explicit) throw overlapRefusal(name, explicit, blocker);
    const subnet = blocker ? freeRange(name, needs[name], [...used, ...chosen]) : first;
    if (!subnet) throw usedUp(name, first, blocker as Claimed);
    if (blocker) choice.moved.push({ network: name, text: `network ${name}: ${overlapText(first, blocker)}, so ${subnet} is used` });
    const range = parseCidr(subnet) as Range;
    for (const claim of kept && !blocker ? used.filter(({ reached, range: other }) => reached && overlaps(other, range)) : [])
      choice.covers.push({ network: name, text: `network ${name}: ${subnet} covers ${claim.subnet} (${claim.by})` });
    choice.subnets[name] = subnet;
    chosen.push({ range, subnet, by: `network ${name}` });
  }
  return choice;
}

/** Whether a claim keeps a range from being used. Of what an operator wrote, only single addresses refuse what the operator wrote elsewhere. */
function blocks({ range, reached }: Claimed, candidate: Range, how: { kept: boolean; explicit: boolean }): boolean {
  if (reached && (how.kept || (how.explicit && range.prefix < 32))) return false;
  return overlaps(range, candidate);
}

const overlapText = (subnet: string, { subnet: other, by, reached }: Claimed): string =>
  `${subnet} ${reached ? 'would cover' : 'overlaps'} ${other} (${by})`;

const overlapRefusal = (name: NetworkName, subnet: string, blocker: Claimed): UserError =>
  new UserError(
    'SUBNET_TAKEN',
    `networks.${name}.subnet ${overlapText(subnet, blocker)}`,
    `choose a free range, or \`networks.${name}.subnet: auto\``,
  );

const usedUp = (name: NetworkName, first: string, blocker: Claimed): UserError =>
  new UserError(
    'SUBNET_TAKEN',
    `no free range for the network ${name}: ${overlapText(first, blocker)}`,
    `set networks.${name}.subnet to a free range`,
  );

/** How wide a range has to be for this number to lie in its lower half, where the fixed addresses are. */
function prefixFor(highest: number): number {
  let prefix = NARROWEST;
  while (highest >= 2 ** (31 - prefix)) prefix--;
  return prefix;
}

const firstRange = (name: NetworkName, highest: number): string =>
  formatCidr(parseCidr(`${DEFAULTS[name].first}/${prefixFor(highest)}`) as Range);

/** The next free range from the default one on, in its own block or else in another one. */
function freeRange(name: NetworkName, highest: number, claims: readonly Claimed[]): string | undefined {
  const from = parseCidr(firstRange(name, highest)) as Range;
  const isFree = (range: Range) => !claims.some((claim) => overlaps(claim.range, range));
  for (const block of [DEFAULTS[name].block, ...PRIVATE]) {
    const outer = parseCidr(block) as Range;
    const count = from.last - from.first + 1;
    const start = overlaps(outer, from) ? from.first : outer.first;
    const slots = (outer.last - outer.first + 1) / count;
    for (let slot = 0; slot < slots; slot++) {
      const first = outer.first + ((start - outer.first + slot * count) % (slots * count));
      const range = { first, last: first + count - 1, prefix: from.prefix };
      if (isFree(range)) return formatCidr(range);
    }
  }
  return undefined;
}

import { isLoopback, type Policy } from './policy.ts';
import { chain, dropTable, isOpen, PER_LINE, sentTo } from './ruleset.ts';

/** Bans have a table of their own: what replaces the rules leaves it alone, and so does a trial of them. */
export const bansTableOf = (project: string): string => `medianest-bans_${project}`;

/** Single addresses, IPv6 /64s and ranges. A hash finds the first two, whatever their number; intervals are a tree. */
export const BAN_SETS = ['v4', 'v6', 'ranges_v4', 'ranges_v6'] as const;
export type BanSet = (typeof BAN_SETS)[number];

/** Elements that a set of single addresses, and one of ranges, has at most. */
export const MOST_BANS = 131_072;
export const MOST_RANGES = 1_000;

/** An element as nft takes it, and the seconds after which the kernel removes it by itself. */
export interface BanElement {
  set: BanSet;
  text: string;
  seconds: number;
}

/** Replaces the whole table in one transaction: no packet finds it empty in between. */
export function bansRuleset(policy: Policy, elements: readonly BanElement[]): string {
  const name = bansTableOf(policy.project);
  const sets = BAN_SETS.flatMap((set) => [
    `set ${set} {`,
    `  type ipv${set.at(-1)}_addr; ${set.startsWith('r') ? 'flags interval,timeout' : `size ${MOST_BANS}; flags timeout`}`,
    ...listed('  elements = {', timed(elements, set), '  }'),
    '}',
  ]);
  const lines = [
    ...sets,
    ...chain('banned', [
      'ip saddr @v4 counter drop',
      'ip saddr @ranges_v4 counter drop',
      'ip6 saddr and ffff:ffff:ffff:ffff:: @v6 counter drop',
      'ip6 saddr @ranges_v6 counter drop',
    ]),
    // Before the rules of the firewall (-150), and whatever those accept: a drop is final.
    ...chain('arrivals', [
      'type filter hook prerouting priority -151; policy accept;',
      'iifname "lo" accept',
      ...judged(policy).map((sent) => `${sent} goto banned`),
    ]),
  ];
  return `${dropTable(name)}table inet ${name} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function judged({ ports, bans }: Policy): string[] {
  const published = ports
    .filter(isOpen)
    .flatMap((port) => port.addresses.filter((address) => !isLoopback(address)).map((address) => sentTo(port, address)));
  const own = bans?.hostPorts ?? [];
  return [...published, ...(own.length > 0 ? [`fib daddr type local tcp dport { ${own.join(', ')} }`] : [])];
}

/**
 * Changes elements of a table that is there, in one transaction. Whether an element is there already cannot be known, as it may end at
 * any moment: adding one that is there, and then deleting it, fails in neither case.
 */
export function bansChanges(project: string, added: readonly BanElement[], removed: readonly Omit<BanElement, 'seconds'>[]): string {
  const table = bansTableOf(project);
  const touched = [...added, ...removed].map(({ set, text }) => ({ set, text, seconds: 1 }));
  return BAN_SETS.flatMap((set) => [
    ...listed(`add element inet ${table} ${set} {`, timed(touched, set), '}'),
    ...listed(
      `delete element inet ${table} ${set} {`,
      touched.filter((one) => one.set === set).map(({ text }) => text),
      '}',
    ),
    ...listed(`add element inet ${table} ${set} {`, timed(added, set), '}'),
  ])
    .map((line) => `${line}\n`)
    .join('');
}

const timed = (elements: readonly BanElement[], set: BanSet): string[] =>
  elements.filter((one) => one.set === set).map(({ text, seconds }) => `${text} timeout ${seconds}s`);

function listed(before: string, texts: readonly string[], after: string): string[] {
  if (texts.length === 0) return [];
  const lines = Array.from(
    { length: Math.ceil(texts.length / PER_LINE) },
    (_, nth) => `    ${texts.slice(nth * PER_LINE, (nth + 1) * PER_LINE).join(', ')},`,
  );
  return [before, ...lines, after];
}

/** What is in the sets, by `nft -j list table`: `set text`. @throws Error where that is no answer of nft */
export function bansInKernel(json: string): Set<string> {
  type Value = string | { prefix: { addr: string; len: number } } | { range: [string, string] };
  type Listed = { set?: { name: string; elem?: ({ elem: { val: Value } } | Value)[] } };
  const { nftables } = JSON.parse(json) as { nftables: Listed[] };
  const textOf = (value: Value): string =>
    typeof value === 'string' ? value : 'prefix' in value ? `${value.prefix.addr}/${value.prefix.len}` : value.range.join('-');
  return new Set(
    nftables.flatMap(({ set }) =>
      (set?.elem ?? []).map((one) => `${set?.name} ${textOf(typeof one === 'object' && 'elem' in one ? one.elem.val : one)}`),
    ),
  );
}

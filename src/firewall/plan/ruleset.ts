import { isIpv6 } from '../../core/ip-address.ts';
import { FAMILIES, formatSpan, type Span } from './addresses.ts';
import { type GovernedPort, isLoopback, type Policy } from './policy.ts';

/** The table of the rules in force, and of those that are tried. No project's name makes the one of another's other. */
export const tableOf = (project: string): string => `medianest_${project}`;
export const trialTableOf = (project: string): string => `medianest-trial_${project}`;

/** Sets that packets and the clock change: what is in them is no change of the rules. */
export const LIVE_SETS = ['suspended', 'trial', 'rate_v4', 'rate_v6'] as const;

/**
 * How a container asks another one whether it is still there (RFC 4861): from a link-local address, so not from one of the stack. Only
 * the own link has this hop limit.
 */
const NEIGHBOURS = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255';

/** Elements of a set in one line: nft quotes the line that it refuses. */
export const PER_LINE = 8;

/** Both families for so long; the kernel removes them by itself. */
const elements = (seconds: number): string => `{ ipv4 timeout ${seconds}s, ipv6 timeout ${seconds}s }`;

/** Whatever there was of a table is gone; also where there was none. */
export const dropTable = (table: string): string => `add table inet ${table}\ndelete table inet ${table}\n`;

/** For so long the rules in force let everything pass: others are tried. */
export const suspend = (project: string, seconds: number): string =>
  `add element inet ${tableOf(project)} suspended ${elements(seconds)}\n`;

/** The rules in force count again. Their table must be there. */
export const unsuspend = (project: string): string => `flush set inet ${tableOf(project)} suspended\n`;

/** The rules as they stay, for `nft -f`: what was in their table before is replaced in one transaction. */
export function ruleset(policy: Policy): string {
  const gate = { set: 'set suspended { type nf_proto; flags timeout; }', rule: 'meta nfproto @suspended accept' };
  return table(tableOf(policy.project), policy, gate);
}

/**
 * The same rules for so many seconds: then the set is empty, and each chain lets everything pass. That is the dead man's switch, and
 * nothing but the kernel has to live for it.
 */
export function trialRuleset(policy: Policy, seconds: number): string {
  const gate = {
    set: `set trial { type nf_proto; flags timeout; elements = ${elements(seconds)}; }`,
    rule: 'meta nfproto != @trial accept',
  };
  return table(trialTableOf(policy.project), policy, gate);
}

function table(name: string, policy: Policy, gate: { set: string; rule: string }): string {
  const chains = chainNames(policy.ports);
  const lines = [
    gate.set,
    ...sets(policy),
    ...chain('admitted', admitted(policy)),
    ...policy.ports.filter(isOpen).flatMap((port) => chain(chains.get(port) as string, portRules(port, policy))),
    ...chain('direct', [
      ...(policy.networks.some(({ family }) => family === 6) ? [`${NEIGHBOURS} accept`] : []),
      'ct state established,related accept',
      'counter drop',
    ]),
    ...chain('arrivals', ['type filter hook prerouting priority -150; policy accept;', gate.rule, ...arrivals(policy, chains)]),
    ...chain('forwarded', ['type filter hook forward priority -1; policy accept;', gate.rule, ...forwarded(policy)]),
  ];
  return `${dropTable(name)}table inet ${name} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

export const chain = (name: string, rules: readonly string[]): string[] => [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}'];

export const isOpen = ({ addresses }: GovernedPort): boolean => !addresses.every(isLoopback);

function chainNames(ports: readonly GovernedPort[]): Map<GovernedPort, string> {
  const taken = new Map<string, number>();
  return new Map(
    ports.map((port) => {
      const name = port.protocol === 'udp' ? `port_${port.port}_udp` : `port_${port.port}`;
      const nth = (taken.get(name) ?? 0) + 1;
      taken.set(name, nth);
      return [port, nth === 1 ? name : `${name}_${nth}`];
    }),
  );
}

/** Each set once for each family, as far as it has addresses of it. */
function sets(policy: Policy): string[] {
  const named = { networks: policy.networks, proxies: policy.proxies, ...usedSets(policy) };
  const intervals = Object.entries(named).flatMap(([name, spans]) =>
    FAMILIES.flatMap((family) => {
      const own = spans.filter((span) => span.family === family).map(formatSpan);
      if (own.length === 0) return [];
      const lines = Array.from({ length: Math.ceil(own.length / PER_LINE) }, (_, nth) =>
        own.slice(nth * PER_LINE, (nth + 1) * PER_LINE).join(', '),
      );
      return [
        `set ${name}_v${family} {`,
        `  type ipv${family}_addr; flags interval`,
        '  elements = {',
        ...lines.map((line) => `    ${line},`),
        '  }',
        '}',
      ];
    }),
  );
  if (policy.perAddressPerSecond === 0) return intervals;
  // A full set counts no further address, and lets it pass: the limit on all is for that.
  const rates = FAMILIES.map((family) => `set rate_v${family} { type ipv${family}_addr; size 65535; flags dynamic,timeout; timeout 1m; }`);
  return [...intervals, ...rates];
}

function usedSets({ sets, ports, block }: Policy): Record<string, readonly Span[]> {
  const used = new Set(['lan', 'operators', ...block, ...ports.flatMap((port) => port.sets)]);
  return Object.fromEntries(Object.entries(sets).filter(([name]) => used.has(name)));
}

/** A rule for each family that the set has addresses of. */
const of = (spans: readonly Span[] | undefined, name: string, field: 'saddr' | 'daddr', verdict: string): string[] =>
  FAMILIES.filter((family) => spans?.some((span) => span.family === family)).map(
    (family) => `${family === 4 ? 'ip' : 'ip6'} ${field} @${name}_v${family} ${verdict}`,
  );

/** Allowed to come in; what is left are the limits. */
function admitted({ proxies, sets, perAddressPerSecond: each, totalPerSecond: total }: Policy): string[] {
  return [
    ...of(proxies, 'proxies', 'saddr', 'accept'),
    ...(each > 0
      ? [
          `update @rate_v4 { ip saddr limit rate over ${each}/second burst ${each * 4} packets } counter drop`,
          `update @rate_v6 { ip6 saddr and ffff:ffff:ffff:ffff:: limit rate over ${each}/second burst ${each * 4} packets } counter drop`,
        ]
      : []),
    ...of(sets.lan, 'lan', 'saddr', 'accept'),
    ...of(sets.operators, 'operators', 'saddr', 'accept'),
    ...(total > 0 ? [`limit rate over ${total}/second burst ${total * 2} packets counter drop`] : []),
    'accept',
  ];
}

function portRules({ everyone, sets: names, protocol }: GovernedPort, { sets, block }: Policy): string[] {
  const own = ['lan', 'operators'].filter((name) => everyone || names.includes(name));
  return [
    // Not what opens a connection, whatever the kernel takes it for: an ACK sent before would make it part of one.
    protocol === 'udp' ? 'ct state established,related accept' : 'ct state established,related tcp flags & (syn | ack) != syn accept',
    ...own.flatMap((name) => of(sets[name], name, 'saddr', 'goto admitted')),
    ...block.flatMap((name) => of(sets[name], name, 'saddr', 'counter drop')),
    ...names.filter((name) => !own.includes(name)).flatMap((name) => of(sets[name], name, 'saddr', 'goto admitted')),
    everyone ? 'goto admitted' : 'counter drop',
  ];
}

/** What is sent to a published port, at one of the addresses that it is published on. */
export function sentTo({ protocol, port }: GovernedPort, address: string): string {
  const to = `${protocol} dport ${port}`;
  if (isLoopback(address)) return `${isIpv6(address) ? 'ip6 daddr ::1' : 'ip daddr 127.0.0.0/8'} ${to}`;
  if (address === '0.0.0.0') return `meta nfproto ipv4 fib daddr type local ${to}`;
  if (address === '::') return `meta nfproto ipv6 fib daddr type local ${to}`;
  return `${isIpv6(address) ? 'ip6' : 'ip'} daddr ${address} ${to}`;
}

/** Before Docker translates addresses (-100): here a packet still has the port that it was sent to, whatever takes it. */
function arrivals(policy: Policy, chains: ReadonlyMap<GovernedPort, string>): string[] {
  return [
    'iifname "lo" accept',
    // The stack itself. The route back must lead to where it came from, so no stranger can claim such an address.
    ...of(policy.networks, 'networks', 'saddr', 'fib saddr . iif oif exists accept'),
    ...of(policy.networks, 'networks', 'daddr', 'fib daddr type != local goto direct'),
    ...policy.ports.flatMap((port) =>
      port.addresses.map((address) => {
        const sent = sentTo(port, address);
        return isLoopback(address) ? `${sent} counter drop` : `${sent} goto ${chains.get(port)}`;
      }),
    ),
  ];
}

/** What another rule of this host has translated to an address of the stack: ports that these rules have judged, and no others. */
function forwarded({ networks, ports }: Policy): string[] {
  const dnat = (['tcp', 'udp'] as const).flatMap((protocol) => {
    const own = ports.filter((port) => isOpen(port) && port.protocol === protocol).map(({ port }) => port);
    const known = [...new Set(own)].sort((a, b) => a - b);
    return known.length > 0 ? [`ct status dnat meta l4proto ${protocol} ct original proto-dst { ${known.join(', ')} } accept`] : [];
  });
  const rules = ['ct state established,related accept', ...dnat, 'counter drop'];
  return [
    ...of(networks, 'networks', 'saddr', 'accept'),
    ...of(
      networks.filter(({ family }) => family === 6),
      'networks',
      'daddr',
      `${NEIGHBOURS} accept`,
    ),
    ...rules.flatMap((rule) => of(networks, 'networks', 'daddr', rule)),
  ];
}

/** A range that no ban may touch, and what says so. */
export interface Protected {
  range: string;
  because: string;
}

/** What decides who is never banned: settings, and the ranges of the stack's own networks. */
export interface NeverFrom {
  bans: { never: readonly string[] };
  firewall: { lan: readonly string[]; operators: readonly string[] };
  edge: { operators: readonly string[]; trustedProxies: readonly string[] };
  networks: readonly string[];
}

/** The address that Docker's proxy has for a visitor, and the stack itself. */
const LOOPBACK = ['127.0.0.0/8', '::1'];

/** A ban of an IPv6 address is one of its /64, so that is what is protected. */
const widened = (range: string): string => {
  const [address = '', bits = '128'] = range.split('/');
  if (range === '::1') return '::1/128';
  return address.includes(':') && Number(bits) > 64 ? `${address}/64` : range.includes('/') ? range : `${range}/32`;
};

/** Who is never banned, each range once. */
export function neverBanned({ bans, firewall, edge, networks }: NeverFrom): Protected[] {
  const all = [
    ...LOOPBACK.map((range) => ({ range, because: 'it is this host itself' })),
    ...networks.map((range) => ({ range, because: 'it is in a network of this stack' })),
    ...bans.never.map((range) => ({ range, because: 'bans.never names it' })),
    ...edge.trustedProxies.map((range) => ({ range, because: 'it is a proxy that speaks for many visitors (edge.trustedProxies)' })),
    ...edge.operators.map((range) => ({ range, because: 'it is an operator’s (edge.operators)' })),
    ...firewall.operators.map((range) => ({ range, because: 'it is an operator’s (firewall.operators)' })),
    ...firewall.lan.map((range) => ({ range, because: 'it is in the local network (firewall.lan)' })),
  ].map(({ range, because }) => ({ range: widened(range), because }));
  return [...new Map(all.toReversed().map((entry) => [entry.range, entry])).values()].toReversed();
}

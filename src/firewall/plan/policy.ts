import { UserError } from '../../core/errors.ts';
import { isEveryAddress } from '../../core/ip-address.ts';
import { didYouMean } from '../../core/suggest.ts';
import type { FirewallSettings, Who } from '../../settings/firewall-fields.ts';
import type { PublishedPort, Stack } from '../../stack/types.ts';
import { contains, merged, type Span, spansOf, unmapped } from './addresses.ts';

/** A published port and who may reach it. */
export interface GovernedPort {
  /** The setting that moves it; its number where no setting of ours publishes it. */
  name: string;
  port: number;
  /** Of UDP there is the VPN’s, and what an override publishes. */
  protocol: 'tcp' | 'udp';
  /** Where it is published. */
  addresses: readonly string[];
  everyone: boolean;
  /** Names of the sets whose addresses may. */
  sets: readonly string[];
}

/** All that the rules say, before it is written in nft's language. */
export interface Policy {
  project: string;
  ports: readonly GovernedPort[];
  /** Set -> its addresses, merged. */
  sets: Readonly<Record<string, readonly Span[]>>;
  /** Sets whose addresses reach nothing. */
  block: readonly string[];
  /** The stack's own ranges that this host has a route to. */
  networks: readonly Span[];
  /** Trusted proxies, which speak for many. */
  proxies: readonly Span[];
  perAddressPerSecond: number;
  totalPerSecond: number;
  /** Whom CrowdSec bans reaches none of the ports, nor these of the host itself; absent where bans stay at the edge. */
  bans?: { hostPorts: readonly number[] };
}

interface Input {
  settings: FirewallSettings;
  /** `edge.operators` and `edge.trustedProxies`; empty without an edge. */
  edge: { operators: readonly string[]; trustedProxies: readonly string[] };
  stack: Pick<Stack, 'project' | 'services' | 'networks'>;
  /** The files of `firewall.lists`, read. */
  lists: Readonly<Record<string, readonly Span[]>>;
  bans?: Policy['bans'];
}

export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** Settings and stack -> who may reach what. @throws UserError INVALID_SETTINGS */
export function policyOf({ settings, edge, stack, lists, bans }: Input): Policy {
  const published = publishedPorts(stack);
  const asked = askedPorts(settings, published);
  const sets: Record<string, readonly Span[]> = {
    lan: merged(spansOf(settings.lan)),
    operators: merged(spansOf([...settings.operators, ...edge.operators])),
  };
  const list = (name: string, key: string): string => {
    const spans = lists[name];
    if (!spans) throw invalid(`firewall.${key}: there is no list ${name}`, name, Object.keys(lists), 'firewall.lists');
    sets[`list_${name}`] = spans;
    return `list_${name}`;
  };
  const ports = [...published.values(), ...asked.added].map(({ forEveryone, ...port }): GovernedPort => {
    const own = asked.who.get(port.name);
    return {
      ...port,
      ...allowed(own ?? (forEveryone ? 'everyone' : settings.allow), own ? `ports.${port.name}` : 'allow', { sets, list }),
    };
  });
  return {
    project: stack.project,
    ports,
    block: settings.block.map((name) => list(name, 'block')),
    sets,
    // Without an address of the host in it there is no route from here, and no packet of it is routed here.
    networks: merged(
      spansOf(stack.networks.filter(({ isolated }) => !isolated).flatMap(({ subnet, ipv6 }) => [subnet, ...(ipv6 ? [ipv6] : [])])),
    ),
    proxies: merged(spansOf(edge.trustedProxies)),
    perAddressPerSecond: settings.perAddressPerSecond,
    totalPerSecond: settings.totalPerSecond,
    ...(bans && { bans }),
  };
}

type Published = Pick<GovernedPort, 'name' | 'port' | 'protocol' | 'addresses'> & Pick<PublishedPort, 'forEveryone'>;

function publishedPorts({ services }: Input['stack']): Map<string, Published> {
  const found = new Map<string, Published & { addresses: string[] }>();
  for (const { setting, host, address, protocol = 'tcp', forEveryone } of services.flatMap(({ ports, front }) => [
    ...ports,
    ...(front?.ports ?? []),
  ])) {
    const port = found.get(setting) ?? { name: setting, port: host, protocol, addresses: [], ...(forEveryone && { forEveryone }) };
    if (!port.addresses.includes(address)) port.addresses.push(address);
    found.set(setting, port);
  }
  return found;
}

/** What `firewall.ports` says, by the names of ports; a number that no setting of ours publishes is a port of compose.override.yml. */
function askedPorts({ ports }: FirewallSettings, published: ReadonlyMap<string, Published>): { who: Map<string, Who>; added: Published[] } {
  const who = new Map<string, Who>();
  const added: Published[] = [];
  for (const [key, value] of Object.entries(ports)) {
    const [, digits, udp] = /^([1-9]\d{0,4})(\/udp)?$/.exec(key) ?? [];
    const number = digits !== undefined && Number(digits) <= 65535 ? Number(digits) : undefined;
    const protocol = udp ? 'udp' : 'tcp';
    const isThis = (port: Published) => port.port === number && port.protocol === protocol;
    const known = published.has(key) ? [key] : [...published.values()].filter(isThis).map(({ name }) => name);
    if (known.length === 0 && number === undefined)
      throw invalid(`firewall.ports: ${key} is no published port`, key, [...published.keys()], 'firewall.ports');
    for (const name of known) {
      if (who.has(name)) throw new UserError('INVALID_SETTINGS', `firewall.ports names ${name} twice`, 'remove one of the two');
      who.set(name, value);
    }
    if (known.length === 0 && number !== undefined) {
      who.set(key, value);
      added.push({ name: key, port: number, protocol, addresses: ['0.0.0.0', '::'] });
    }
  }
  return { who, added };
}

function allowed(
  who: Who,
  key: string,
  { sets, list }: { sets: Record<string, readonly Span[]>; list: (name: string, key: string) => string },
): Pick<GovernedPort, 'everyone' | 'sets'> {
  if (who === 'everyone') return { everyone: true, sets: [] };
  if (typeof who === 'string') return { everyone: false, sets: [who] };
  const isRange = (entry: string) => /[.:]/.test(entry);
  const ranges = who.filter(isRange);
  const names = who.filter((entry) => !isRange(entry)).map((name) => (name === 'lan' || name === 'operators' ? name : list(name, key)));
  if (ranges.length === 0) return { everyone: false, sets: names };
  const spans = merged(spansOf(ranges));
  const same = Object.entries(sets).find(([name, other]) => name.startsWith('only_') && equal(other, spans))?.[0];
  const own = same ?? `only_${Object.keys(sets).filter((name) => name.startsWith('only_')).length + 1}`;
  sets[own] = spans;
  return { everyone: false, sets: [...names, own] };
}

const equal = (a: readonly Span[], b: readonly Span[]): boolean =>
  a.length === b.length &&
  a.every((span, index) => span.first === b[index]?.first && span.last === b[index]?.last && span.family === b[index]?.family);

const invalid = (message: string, name: string, known: readonly string[], where: string): UserError =>
  new UserError(
    'INVALID_SETTINGS',
    known.length > 0 ? `${message}; ${didYouMean(name, known)}` : message,
    `correct ${where} in medianest.yml`,
  );

/**
 * Whether the rules let a new TCP connection pass.
 * @param to the host's address that it is made to
 */
export function mayReach(policy: Policy, from: string, to: string, port: number): boolean {
  const address = unmapped(to);
  if (isLoopback(unmapped(from)) || contains(policy.networks, from)) return true;
  const family = address.includes(':') ? '::' : '0.0.0.0';
  const hit = policy.ports.find(
    (one) => one.port === port && one.protocol === 'tcp' && one.addresses.some((each) => each === address || each === family),
  );
  if (!hit) return !contains(policy.networks, address);
  if (hit.addresses.every(isLoopback)) return false;
  const isIn = (name: string) => contains(policy.sets[name] ?? [], from);
  if (['lan', 'operators'].some((name) => isIn(name) && (hit.everyone || hit.sets.includes(name)))) return true;
  return !policy.block.some(isIn) && (hit.everyone || hit.sets.some(isIn));
}

/** Ports that something of the stack publishes beyond this host, and that no rule knows: as `firewall.ports` names them. */
export function ungoverned(policy: Policy, ports: readonly { address: string; host: number; udp?: true }[]): string[] {
  const open = ports.filter(({ address }) => !isLoopback(address));
  const isKnown = ({ host, udp }: (typeof open)[number]) =>
    policy.ports.some(
      ({ port, protocol, addresses }) =>
        port === host && (protocol === 'udp') === (udp === true) && addresses.some((each) => isEveryAddress(each) || !isLoopback(each)),
    );
  const unknown = open.filter((port) => !isKnown(port)).sort((a, b) => a.host - b.host);
  return [...new Set(unknown.map(({ host, udp }) => (udp ? `${host}/udp` : String(host))))];
}

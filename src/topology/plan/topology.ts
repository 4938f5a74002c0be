import { hostAddress } from '../../core/cidr.ts';
import { bracketed } from '../../core/ip-address.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import type { MemberState } from '../../stack/member.ts';
import type { Service, Stack } from '../../stack/types.ts';

/** How a container was seen; `unseen` where only the plan is drawn. */
export type NodeState = 'unseen' | 'healthy' | 'starting' | 'unhealthy' | 'stopped' | 'missing';

export interface TopologyNode {
  name: string;
  address: string;
  state: NodeState;
  role?: string;
  /** What a member says of itself: `timeline 3`, `lag 0 B`. */
  details: string[];
}

/** All containers of one component in the same networks: they are drawn, and called, as one. */
export interface TopologyGroup {
  id: string;
  component: string;
  /** The network that it is drawn in. */
  home: string;
  /** The other networks it is in. */
  also: string[];
  published: string[];
  nodes: TopologyNode[];
}

export interface TopologyFlow {
  from: string;
  to: string;
  tls: boolean;
  /** It is SSH, which protects it as TLS does. */
  ssh?: true;
  /** It is a tunnel of the VPN, which protects it as TLS does. */
  tunnel?: true;
  /** By a file of the host, not by a network. */
  socket?: boolean;
}

export interface TopologyNetwork {
  name: string;
  subnet: string;
  internal: boolean;
}

export interface Topology {
  project: string;
  profile: string;
  live: boolean;
  networks: TopologyNetwork[];
  groups: TopologyGroup[];
  /** What the stack calls outside: a name, and its address. */
  outside: { id: string; name: string; url: string }[];
  flows: TopologyFlow[];
  /** Services that the last `up` left out for want of their images: they are not drawn. */
  leftOut: string[];
}

/** Who comes in by published ports. */
export const VISITORS = 'visitors';

/** How a call is made, in one word. */
export const means = ({
  tls,
  socket,
  ssh,
  tunnel,
}: Pick<TopologyFlow, 'tls' | 'socket' | 'ssh' | 'tunnel'>): 'TLS' | 'plain' | 'socket' | 'SSH' | 'VPN' =>
  tunnel ? 'VPN' : ssh ? 'SSH' : socket ? 'socket' : tls ? 'TLS' : 'plain';

/** What was seen of the running stack. */
export interface Seen {
  containers: readonly ObservedContainer[];
  members: Readonly<Record<string, MemberState>>;
}

/** Without a network of its own. */
const NOWHERE = 'no network';

/**
 * The data of the topology picture: a new service appears automatically. Who calls whom follows from what is started
 * after what, from what services say they call, and from the replicas behind a balancer.
 */
export function topology(stack: Stack, external: Readonly<Record<string, { url?: string | undefined }>>, seen?: Seen): Topology {
  const services = stack.services.filter((service) => !service.oneOff);
  const groups = groupsOf(stack, services, seen);
  const byName = new Map(services.map((service) => [service.name, service]));
  const groupOf = new Map(groups.flatMap((group) => group.nodes.map((node) => [node.name, group.id] as const)));
  const outside = Object.entries(external).flatMap(([id, { url }]) => (url ? [{ id: `outside-${id}`, name: id, url }] : []));
  const flows = services.flatMap((service): TopologyFlow[] => {
    const from = groupOf.get(service.name) as string;
    const called = [...service.after, ...(service.calls ?? [])]
      .filter((name) => groupOf.has(name))
      .map((name) => ({
        from,
        to: groupOf.get(name) as string,
        tls: servesTls(stack, name),
        ...(byName.get(name)?.networks.length === 0 && !byName.get(name)?.hostNetwork && { socket: true }),
      }));
    const balancer = service.rolling && groupOf.get(service.rolling.balancer);
    const balanced = balancer ? [{ from: balancer, to: from, tls: service.rolling?.tls === true }] : [];
    const out = outside
      .filter(({ url }) => Object.values(service.environment).includes(url) || service.leadsTo?.includes(url))
      .map(({ id, url }) => ({ from, to: id, tls: url.startsWith('https:') }));
    const asked = [...service.ports, ...(service.front?.ports ?? [])];
    const ssh = service.role === 'bastion';
    const tunnel = service.role === 'vpn';
    const sealed = ssh || tunnel || service.certificate !== undefined || asked.every(({ forEveryone }) => forEveryone);
    const visited =
      asked.length > 0
        ? [{ from: VISITORS, to: from, tls: sealed, ...(ssh && { ssh: true as const }), ...(tunnel && { tunnel: true as const }) }]
        : [];
    return [...visited, ...called, ...balanced, ...out];
  });
  return {
    project: stack.project,
    profile: stack.profile,
    live: seen !== undefined,
    networks: [
      ...stack.networks,
      ...(groups.some(({ home }) => home === NOWHERE) ? [{ name: NOWHERE, subnet: 'sockets alone', internal: true }] : []),
    ],
    groups,
    outside,
    flows: distinct(flows),
    // One that keeps an older image runs.
    leftOut: stack.leftOut.flatMap(({ service, keeps }) => (keeps === undefined ? [service] : [])),
  };
}

/** Addresses that are called by TLS alone. With `ldap:` StartTLS is demanded. */
const SEALED = /^(?:https|ldaps?|smtps):/;

/** It has a certificate of its own, or passes calls on to what has one: a service whose certificate names it, or a host outside. */
const servesTls = (stack: Stack, name: string): boolean =>
  stack.services.some(
    ({ name: own, certificate, leadsTo }) =>
      (certificate && (own === name || certificate.subjects.includes(name))) ||
      (leadsTo && own === name && leadsTo.every((url) => SEALED.test(url))),
  );

/** The fixed address in the network that it is drawn in. */
function addressOf(service: Service, stack: Stack): string {
  const home = stack.networks.find(({ name }) => name === service.networks[0]);
  return home ? (hostAddress(home.subnet, service.host) ?? '') : '';
}

function groupsOf(stack: Stack, services: readonly Service[], seen: Seen | undefined): TopologyGroup[] {
  const groups = new Map<string, TopologyGroup>();
  for (const service of services) {
    const [home = NOWHERE, ...also] = service.networks;
    const id = `${service.component}@${[home, ...also].join('+')}`;
    const group = groups.get(id) ?? { id, component: service.component, home, also, published: [], nodes: [] };
    group.published.push(
      ...service.ports.map(({ address, host, protocol }) => `${bracketed(address)}:${host}${protocol ? `/${protocol}` : ''}`),
      ...(service.front?.ports ?? []).map(({ address, host }) => `${bracketed(address)}:${host} (front)`),
    );
    group.nodes.push(nodeOf(service, addressOf(service, stack), seen));
    groups.set(id, group);
  }
  return [...groups.values()];
}

function nodeOf({ name }: Service, address: string, seen: Seen | undefined): TopologyNode {
  const member = seen?.members[name];
  return {
    name,
    address,
    state: seen
      ? stateOf(
          seen.containers.find((container) => container.service === name),
          member,
        )
      : 'unseen',
    ...(member && { role: member.role }),
    details: Object.entries(member?.details ?? {}).map(([key, value]) => `${key} ${value}`),
  };
}

function stateOf(container: ObservedContainer | undefined, member: MemberState | undefined): NodeState {
  if (!container) return 'missing';
  if (container.state !== 'running') return 'stopped';
  if (container.health === 'unhealthy' || member?.ok === false) return 'unhealthy';
  return container.health === 'starting' ? 'starting' : 'healthy';
}

function distinct(flows: readonly TopologyFlow[]): TopologyFlow[] {
  const byEnds = new Map<string, TopologyFlow>();
  for (const flow of flows) {
    if (flow.from === flow.to) continue;
    const key = `${flow.from} ${flow.to}`;
    // One member without TLS makes the way to all of them one without.
    byEnds.set(key, { ...flow, tls: flow.tls && (byEnds.get(key)?.tls ?? true) });
  }
  return [...byEnds.values()];
}

import { hostAddress } from '../../core/cidr.ts';
import { bracketed, isEveryAddress, isIpv6 } from '../../core/ip-address.ts';
import { type DoctorFacts, isProblem } from './facts.ts';
import { type Examination, type Finding, fail, failed, ok, warn } from './finding.ts';

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

export const examinePorts: Examination = ({ host, engine }) => {
  const findings = host.ports.flatMap(({ address, port, setting, takenBy, ours }): Finding[] => {
    const shared = host.ports.filter((other) => other.port === port).length > 1;
    const id = shared ? `port.${bracketed(address)}:${port}` : `port.${port}`;
    const where = `port ${port} on ${address}`;
    if (!isEveryAddress(address) && !isLoopback(address) && !host.addresses.includes(address)) {
      const own = host.addresses.filter((entry) => !isLoopback(entry) && !entry.startsWith('fe80:')).slice(0, 3);
      return [
        fail(
          id,
          `${where}: this machine has no address ${address}`,
          `set \`${setting.split('.')[0]}.address\` to one that it has (${own.join(', ')}), or to 0.0.0.0`,
        ),
      ];
    }
    if (takenBy)
      return [
        fail(
          id,
          `${where} is already in use by ${takenBy}`,
          `stop it, or choose another port: \`${setting}: ${nextPort(port)}\` in medianest.yml`,
        ),
      ];
    const lowest = host.kernel['net.ipv4.ip_unprivileged_port_start'] ?? 1024;
    if (!isProblem(engine) && engine.rootless && port < lowest) {
      return [
        fail(
          id,
          `a rootless engine cannot publish port ${port}: only root may below ${lowest}`,
          `sudo sysctl -w net.ipv4.ip_unprivileged_port_start=${port}, or \`${setting}: ${port + 8000}\``,
          {
            kind: 'sysctl',
            setting: 'net.ipv4.ip_unprivileged_port_start',
            value: port,
          },
        ),
      ];
    }
    return [ok(id, `${where} is ${ours ? 'ours already' : 'free'}`)];
  });
  return findings;
};

const nextPort = (port: number): number => (port > 64000 ? port - 1000 : port + 1);

export const examineRanges: Examination = ({ stack, ranges: { moved, covers, reached }, layout }) => {
  if (layout) return [failed('subnets', layout)];
  if (!stack || stack.networks.length === 0) return [];
  const ranges = stack.networks.map(({ name, subnet }) => `${name} ${subnet}`).join(', ');
  const clear =
    reached.length > 0 && covers.length === 0 ? [`and they cover nothing that this host has to reach: ${reached.join(', ')}`] : [];
  return [
    ok('subnets', [`no other network uses the ranges of ours: ${ranges}`, ...clear, ...moved].join('; ')),
    ...covers.map(({ network, text }) =>
      warn(
        'subnets.covers',
        `${text}: while the stack runs, this host cannot reach it`,
        `set \`networks.${network}.subnet\` to a free range and run \`medianest up\`: it replaces the containers of that network`,
      ),
    ),
  ];
};

export const examineNames: Examination = ({ host }) => [
  ...host.names.map(({ name, setting, addresses, own }) => {
    const id = `dns.${name}`;
    if (addresses.length === 0) {
      return own
        ? warn(
            id,
            `${name} (${setting}) has no address in the DNS: visitors cannot find it`,
            `let your DNS provider point ${name} to this network’s public address`,
          )
        : fail(id, `${name} (${setting}) is a name that this host does not know`, `correct \`${setting}\`, or write its address`);
    }
    return ok(id, `${name} is ${addresses.join(', ')}`);
  }),
  ...resolverFindings(host.resolvers),
];

/** What listens on the host's own addresses is no business of a container that has no way out. */
export const examineIsolation: Examination = ({ stack, engine, runningServices }) => {
  const internal = (stack?.networks ?? []).filter((network) => network.internal);
  if (isProblem(engine) || internal.length === 0) return [];
  const names = internal.map(({ name }) => name).join(', ');
  if (internal.every(({ isolated }) => isolated))
    return [ok('networks.isolated', `containers of the internal networks (${names}) reach nothing that this host listens on`)];
  const open = internal.filter(({ isolated }) => !isolated).map(({ name, subnet }) => `${hostAddress(subnet, 1)} (${name})`);
  const text = `containers of the internal networks reach what this host listens on, at ${open.join(', ')}`;
  if (!engine.isolates)
    return [
      warn(
        'networks.isolated',
        `${text}: Docker Engine ${engine.version} cannot prevent it`,
        'upgrade the engine to 28 or newer, then run `medianest up`',
      ),
    ];
  const remedy = 'run `medianest up`: it replaces these networks, and all containers in them at once';
  return runningServices.size > 0 ? [warn('networks.isolated', text, remedy)] : [];
};

/** Containers cannot reach a resolver on the host's own loopback; Docker then asks Google's. */
function resolverFindings(resolvers: readonly string[]): Finding[] {
  // 127.0.0.53 is systemd-resolved, whose real servers Docker reads from elsewhere.
  const usable = resolvers.filter((entry) => !isLoopback(entry) || entry === '127.0.0.53');
  if (resolvers.length === 0)
    return [
      warn(
        'dns',
        'no resolver is configured in /etc/resolv.conf: containers ask 8.8.8.8',
        'write `nameserver ADDRESS` into /etc/resolv.conf',
      ),
    ];
  if (usable.length === 0)
    return [
      warn(
        'dns',
        `the only resolver is ${resolvers[0]}, which containers cannot reach: they ask 8.8.8.8 instead, and do not know names of your own network`,
        'set "dns" in /etc/docker/daemon.json to a resolver of your network',
      ),
    ];
  return [];
}

/** The first engine that forwards IPv6 by rules of its own instead of a proxy. */
const FORWARDS_IPV6 = 27;

function ipv6Findings(addresses: readonly string[], setting: string, { host, engine }: Pick<DoctorFacts, 'host' | 'engine'>): Finding[] {
  if (!addresses.some(isIpv6))
    return addresses.includes('0.0.0.0') && host.ipv6
      ? [
          ok(
            'ipv6',
            `this machine has IPv6, and the ports are published on IPv4 alone: give names no AAAA record, or set \`${setting}: every\``,
          ),
        ]
      : [];
  if (!host.ipv6)
    return [fail('ipv6', 'an IPv6 address is to be published, and this machine has none', `set \`${setting}: 0.0.0.0\`, or enable IPv6`)];
  return !isProblem(engine) && Number(engine.version.split('.')[0]) < FORWARDS_IPV6
    ? [
        warn(
          'ipv6',
          `Docker Engine ${engine.version} leads IPv6 visitors through a proxy: limits and edge.operators see one address for all of them`,
          'upgrade to Docker Engine 27 or newer',
        ),
      ]
    : [];
}

export const examineReach: Examination = ({ host, engine }) => {
  const outside = host.ports.filter(({ address }) => !isLoopback(address));
  const findings: Finding[] = [];
  const [first] = outside;
  if (!first) return findings;
  const ports = outside.map(({ port }) => port).join(', ');
  const setting = `${first.setting.split('.')[0]}.address`;
  if (host.firewall) {
    findings.push(
      warn(
        'firewall',
        `${host.firewall} is on, and does not see ports that Docker publishes: ${ports} ${outside.length > 1 ? 'are' : 'is'} open to everyone who reaches ${first.address}`,
        `that is what a public portal wants; otherwise pin \`${setting}\` to an address of your network, or filter in the chain DOCKER-USER`,
      ),
    );
  }
  findings.push(
    ...ipv6Findings(
      outside.map(({ address }) => address),
      setting,
      { host, engine },
    ),
  );
  if (host.kernel['net.ipv4.ip_forward'] === 0)
    findings.push(
      fail('kernel.net.ipv4.ip_forward', 'net.ipv4.ip_forward is 0: nothing reaches a container', 'sudo sysctl -w net.ipv4.ip_forward=1', {
        kind: 'sysctl',
        setting: 'net.ipv4.ip_forward',
        value: 1,
      }),
    );
  return findings;
};

import * as z from 'zod';
import { cidrProblem } from '../../core/cidr.ts';
import { cpus, hostName, listenAddress, memory, port } from '../../settings/fields.ts';

const ENDPOINT = 'should be a host name or an IPv4 address, with its port where that is another: home.example.org:51821';

const endpoint = z.string().refine((text) => {
  const [host, number, ...more] = text.split(':');
  const isPort = number === undefined || (/^[1-9]\d{0,4}$/.test(number) && Number(number) <= 65_535);
  return hostName.safeParse(host).success && isPort && more.length === 0;
}, ENDPOINT);

const network = z.string().superRefine((text, context) => {
  const problem = text === 'auto' ? 'should be an IPv4 range such as 10.60.144.0/24' : cidrProblem(text);
  if (problem) context.addIssue({ code: 'custom', message: problem, input: text });
});

const target = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}:([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])$/, 'should be SERVICE:PORT');

export const vpnSettings = z.strictObject({
  engine: z
    .enum(['wireguard', 'openvpn'])
    .default('wireguard')
    .describe('What peers connect by; peers of the other engine are let in again after `vpn rotate NAME`'),
  protocol: z
    .enum(['udp', 'tcp'])
    .default('udp')
    .describe('Of OpenVPN: `tcp` passes where a network lets no UDP out, and is slower. WireGuard has UDP alone'),
  address: listenAddress('0.0.0.0').describe(
    'Address of this host that the port is published on, a list of them, or `every` (IPv4 and IPv6)',
  ),
  port: port(51_820).describe('Port of this host that the VPN answers on'),
  endpoint: endpoint
    .optional()
    .describe('Where peers reach this host, as HOST or HOST:PORT; without it the first of `edge.domains`, and `port`'),
  network: network
    .default('10.60.144.0/24')
    .describe(
      'Range inside the tunnel: services have addresses in its lower half, peers in its upper half. If it changes, every peer needs a new configuration',
    ),
  dns: z
    .boolean()
    .default(true)
    .describe('Peers ask this host for all names, and find `edge.domains` in the tunnel; without it they use addresses'),
  peersMeet: z.boolean().default(false).describe('Peers reach one another'),
  alsoReach: z
    .array(target)
    .default([])
    .describe('What peers with the role `admin` reach besides pages and the services of `mgmt`, as SERVICE:PORT: `db-router:5432`'),
  memory: memory('96m').describe('Memory limit of the container'),
  cpus: cpus(2).describe('Processors that the container may use at most; never more than the host has'),
});

export type VpnSettings = z.output<typeof vpnSettings>;

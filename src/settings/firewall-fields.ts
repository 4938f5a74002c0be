import * as z from 'zod';

const SHOULD_BE = 'should be an address or a range such as 192.168.1.0/24 or 2001:db8::/32';
const range = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], SHOULD_BE);

/** What else a list of who may come in can name. */
const GROUPS = ['everyone', 'lan', 'operators'];
const LIST_NAME = /^[a-z][a-z0-9_]{0,30}$/;

const listName = (message = 'should be a short name of lower-case letters, digits and _') =>
  z
    .string()
    .regex(LIST_NAME, message)
    .refine((name) => !GROUPS.includes(name), 'is a name that has its own meaning; choose another');

const ENTRY = `${SHOULD_BE}, \`lan\`, \`operators\`, or the name of a list`;

const who = z.union(
  [
    z.enum(['everyone', 'lan', 'operators']),
    z
      .array(z.union([range, z.enum(['lan', 'operators']), listName(ENTRY)], ENTRY))
      .min(1, 'should name at least one; to publish nothing, use a loopback address'),
  ],
  'should be `everyone`, `lan`, `operators`, or a list of addresses, ranges and names of lists',
);

export type Who = z.output<typeof who>;

/** Private ranges (RFC 1918, RFC 4193) and those of one link (RFC 3927, RFC 4291). */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'];

const perSecond = (fallback: number) => z.int('should be a whole number').min(0).max(1_000_000).default(fallback);

/** Who may reach the published ports of the stack. */
export const firewallSettings = z.strictObject({
  enabled: z.boolean().default(false).describe('`medianest firewall apply` may load rules; without it there are none'),
  allow: who.default('lan').describe('Who may reach a published port that `ports` does not name'),
  ports: z
    .record(z.string(), who)
    .default({})
    .describe(
      'Who may reach one published port, by the setting that moves it (`edge.httpsPort: everyone`) or its number (`5432`, or `53/udp` of compose.override.yml): `everyone`, `lan`, `operators`, or a list',
    ),
  lan: z.array(range).default(PRIVATE).describe('What `lan` is; add the IPv6 prefix of your network, which is a public one'),
  operators: z.array(range).default([]).describe('What `operators` is, beside `edge.operators`'),
  lists: z
    .record(listName(), z.string().min(1))
    .default({})
    .describe('Files with an address or range in each line, relative to medianest.yml, by a name for `allow`, `ports` and `block`'),
  block: z.array(listName()).default([]).describe('Lists whose addresses reach no published port; `lan` and `operators` are never blocked'),
  perAddressPerSecond: perSecond(50).describe(
    'New connections per second from one address (IPv6: one /64), with four times as many at once; 0: no limit. `edge.trustedProxies` have none',
  ),
  totalPerSecond: perSecond(2000).describe(
    'New connections per second from all addresses but `lan` and `operators`, against floods of SYN packets; 0: no limit',
  ),
});

export type FirewallSettings = z.output<typeof firewallSettings>;

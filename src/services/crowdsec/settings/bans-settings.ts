import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';
import { CROWDSEC } from './address.ts';

const range = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'should be an address or a range such as 192.168.1.0/24 or 2001:db8::/32',
);

const LOGS = 'should be true, false or a list of absolute paths';
const HOURS = 'should be a number from 1 to 720';

export const bansSettings = z.strictObject({
  never: z
    .array(range)
    .default([])
    .describe(
      'Addresses that are never banned, beside loopback, `firewall.lan`, the networks of the stack, operators (`edge.operators`, `firewall.operators`) and `edge.trustedProxies`',
    ),
  hours: z.int(HOURS).min(1, HOURS).max(720, HOURS).default(4).describe('Hours that a ban lasts'),
  firewall: z
    .boolean()
    .default(true)
    .describe('Bans stand in the firewall of the host too, once its rules are confirmed (`firewall.enabled`): for all published ports'),
  hostLogs: z
    .union([z.boolean(), z.array(z.string().refine((path) => path.startsWith('/'), LOGS)).min(1)], LOGS)
    .default(false)
    .describe(
      'Who guesses passwords of the host’s SSH server is banned as well: `true` reads the journal of systemd, or /var/log/auth.log or /var/log/secure where there is none; a list names other files. Needs `firewall.enabled`',
    ),
  sshPorts: z
    .array(z.int().min(1).max(65_535))
    .default([22])
    .describe('Ports of the host’s SSH server: a banned client reaches them no more, where `hostLogs` is on'),
  central: z
    .boolean()
    .default(false)
    .describe(
      'CrowdSec tells api.crowdsec.net of each ban that it decides (address, scenario and time; docs/bans.md), and bans those on its list. By a way out to that host alone',
    ),
  memory: memory('256m').describe('Memory limit of the container; more of it keeps more clients in mind'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export type BansSettings = z.output<typeof bansSettings>;

/** What the firewall enforces of bans: the ports of the host itself; undefined where bans stay at the edge. */
export function firewallBans(settings: {
  components: Readonly<Record<string, boolean | undefined>>;
  firewall: { enabled: boolean };
  [key: string]: unknown;
}): { hostPorts: number[] } | undefined {
  const bans = settings.bans as BansSettings;
  if (settings.components[CROWDSEC] !== true || !settings.firewall.enabled || !bans.firewall) return undefined;
  return { hostPorts: bans.hostLogs === false ? [] : bans.sshPorts };
}

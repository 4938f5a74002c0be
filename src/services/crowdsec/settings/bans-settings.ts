import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';

const range = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  'should be an address or a range such as 192.168.1.0/24 or 2001:db8::/32',
);

const HOURS = 'should be a number from 1 to 720';

export const bansSettings = z.strictObject({
  never: z
    .array(range)
    .default([])
    .describe(
      'Addresses that are never banned, beside loopback, `firewall.lan`, the networks of the stack, operators (`edge.operators`, `firewall.operators`) and `edge.trustedProxies`',
    ),
  hours: z.int(HOURS).min(1, HOURS).max(720, HOURS).default(4).describe('Hours that a ban lasts'),
  memory: memory('256m').describe('Memory limit of the container; more of it keeps more clients in mind'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export type BansSettings = z.output<typeof bansSettings>;

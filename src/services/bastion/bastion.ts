import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { isIpv6, uniqueLocalRange } from '../../core/ip-address.ts';
import { cpus, listenAddress, listenAddresses, memory, port } from '../../settings/fields.ts';
import { defineService } from '../../stack/service.ts';
import { BASTION, BASTION_SECRETS, BASTION_UID } from './names.ts';
import { allowed, networksOf, type Target, targetsOf } from './targets.ts';

/** Its number in its networks, and the port of sshd there. */
const HOST = 77;
const PORT = 2222;

const names = z
  .array(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'should be the name of a service, such as database'))
  .refine((list) => new Set(list).size === list.length, 'names a service twice');

const settings = z.strictObject({
  address: listenAddress('127.0.0.1').describe('Address of this host that the bastion is published on, a list of them, or `every`'),
  port: port(2222).describe('Its port (SSH)'),
  allow: names
    .optional()
    .describe(
      'What admins may forward to: `database`, `cache`, `monitoring` (all of its servers), or one of them, such as `grafana`. Without it: the database, and monitoring where there is one',
    ),
  allowOperators: names
    .optional()
    .describe('What operators may forward to, of what admins may. Without it: monitoring, where there is one'),
  memory: memory('256m').describe('Memory limit of the container; a session takes about 4 MiB'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export type BastionSettings = z.output<typeof settings>;

/** A project's name as it stands in addresses for authenticator apps. */
const issuerOf = (project: string): string => encodeURIComponent(`${project} bastion`);

const forwards = (targets: readonly Target[]): string[] => targets.flatMap(({ name, ports }) => ports.map((each) => `${name}:${each}`));

export const bastion = defineService({
  name: BASTION,
  key: BASTION,
  summary: 'OpenSSH: administrators reach listed services with a key and a code, by forwards alone',
  settings,
  build: (own, input) => {
    const targets = targetsOf(input);
    const usual = (of: (target: Target) => boolean) => targets.filter(of);
    const admin = own.allow
      ? allowed(own.allow, targets, 'bastion.allow')
      : usual(({ name, network }) => name === 'database' || network === 'monitoring');
    const operator = own.allowOperators
      ? allowed(own.allowOperators, targets, 'bastion.allowOperators')
      : usual(({ network }) => network === 'monitoring').filter((target) => admin.includes(target));
    const more = operator.find((target) => !admin.includes(target));
    if (more)
      throw new UserError(
        'INVALID_SETTINGS',
        `bastion.allowOperators names ${more.name}, which bastion.allow does not: admins would reach less than operators`,
        `add ${more.name} to \`bastion.allow\``,
      );
    const listen = input.address('mgmt', HOST);
    return [
      {
        name: BASTION,
        role: 'bastion',
        image: input.image(BASTION),
        uid: BASTION_UID,
        host: HOST,
        // The first is the way in; the others are there for what may be reached, and it listens in none of them.
        networks: ['mgmt', ...networksOf(admin)],
        ports: listenAddresses(own.address).map((address) => ({ address, host: own.port, container: PORT, setting: 'bastion.port' })),
        mounts: [{ source: 'bastion-data', target: '/var/lib/bastion', kind: 'volume', readOnly: false }],
        secrets: [...BASTION_SECRETS],
        reloadsSecrets: true,
        environment: { BASTION_ISSUER: issuerOf(input.settings.project) },
        view: {
          listen,
          gateway: input.address('mgmt', 1),
          // The host has the first address of a range that Docker is given.
          ...(listenAddresses(own.address).some(isIpv6) && {
            gateway6: uniqueLocalRange(`${input.settings.project} ${input.range('mgmt')}`).replace('/64', '1'),
          }),
          port: PORT,
          hosts: Object.fromEntries(admin.map(({ name, address }) => [name, address])),
          roles: [
            { role: 'admin', targets: forwards(admin) },
            { role: 'operator', targets: forwards(operator) },
          ].filter((entry) => entry.targets.length > 0),
        },
        memoryBytes: own.memory,
        cpus: own.cpus,
        // Three processes for each of the 60 connections that may be before their sign-in, and sessions.
        pids: 512,
        keeps: {
          '/var/lib/bastion': 'which codes were used, and sessions that the audit log is to be told of',
          '/tmp': 'nothing of its own; programs expect it',
          '/run': 'its host key, and the people as sshd reads them',
          ports: 'the way in for administrators: SSH with a key and a code',
        },
        after: [],
        reload: ['/usr/local/bin/bastion', 'apply'],
        interruption: 'about 2 s: sessions of administrators end',
        urls: [],
      },
    ];
  },
});

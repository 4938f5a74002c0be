import * as z from 'zod';
import { cidrProblem } from '../core/cidr.ts';
import { cacheSettings } from './cache-fields.ts';
import { certificateSettings } from './certificate-fields.ts';
import { cronTimes, httpUrl, secret, size, timeZone } from './fields.ts';
import { firewallSettings } from './firewall-fields.ts';
import { SETTINGS_VERSION } from './migrations.ts';
import { FALLBACK_PROJECT, PROJECT_NAME } from './project-name.ts';
import { storageSettings } from './storage-fields.ts';
import { traceSettings } from './trace-fields.ts';

const network = z.strictObject({
  subnet: z
    .string()
    .default('auto')
    .superRefine((value, context) => {
      const problem = value === 'auto' ? undefined : cidrProblem(value);
      if (problem) context.addIssue({ code: 'custom', message: problem, input: value });
    })
    .describe(
      '`auto` (a /24 that covers nothing this host has to reach, or a wider range where the replicas need one), or a range that must be used',
    ),
});

/** The settings that belong to no single service. Each service adds its own key (see src/services). */
export const coreShape = {
  version: z
    .literal(SETTINGS_VERSION, `should be ${SETTINGS_VERSION}, or less for an older file; a higher one is from a newer medianest`)
    .default(SETTINGS_VERSION)
    .describe('Version of this file format; `medianest config migrate` writes an older file in the newest one'),
  profile: z.string().default('dev').describe('The profile used when --profile is not given'),
  project: z
    .string()
    .regex(PROJECT_NAME, 'should start with a lower-case letter or digit, then letters, digits, - and _')
    .default(FALLBACK_PROJECT)
    .describe(
      'Name of the Compose project: containers, networks and volumes carry it. Without it, that of the stack which was started here, or else the name of the folder',
    ),
  observability: z
    .enum(['off', 'light', 'full'], 'should be off, light or full')
    .default('off')
    .describe(
      '`light`: Prometheus, its exporters, alert rules and Alertmanager (docs/monitoring.md); about 100 MiB of memory. `full`: also Grafana, Elasticsearch, Kibana and Jaeger, which are pulled; about 3 GiB of memory. `off`: none of them',
    ),
  components: z.record(z.string(), z.boolean()).default({}).describe('Switches services of the profile on or off, one by one'),
  networks: z
    .strictObject({
      dmz: network.prefault({}),
      app: network.prefault({}),
      db: network.prefault({}),
      control: network.prefault({}),
      mgmt: network.prefault({}),
      out: network.prefault({}),
      monitoring: network.prefault({}),
      auth: network.prefault({}),
    })
    .prefault({})
    .describe('Address ranges of the networks'),
  external: z
    .strictObject({
      plex: z
        .strictObject({ url: httpUrl().describe('Address of the Plex server'), token: secret().describe('X-Plex-Token') })
        .prefault({}),
      overseerr: z.strictObject({ url: httpUrl().describe('Address of Overseerr'), apiKey: secret().describe('API key') }).prefault({}),
      uptimeKuma: z.strictObject({ url: httpUrl().describe('Address of Uptime Kuma') }).prefault({}),
    })
    .prefault({})
    .describe(
      'The services that the portal shows; leave out what you do not run. The application reaches these hosts outside, on these ports, and no others',
    ),
  cache: cacheSettings.prefault({}).describe('How the cache is run: see docs/app-contract.md for what each mode costs'),
  traces: traceSettings.prefault({}).describe('Traces of requests (docs/traces.md); off without `traces.endpoint`'),
  certificates: certificateSettings.prefault({}).describe('How certificates are issued; `edge.certificate` says which names get them'),
  jobs: z
    .strictObject({
      timezone: timeZone('host').describe('Where the hours of `times` are: `host`, or a name such as `Europe/Berlin`'),
      times: z
        .record(z.string(), cronTimes())
        .default({})
        .describe(
          'When a job runs, by its name (`medianest jobs list`), if not at the time that it comes with: five fields of cron, such as `30 3 * * 0`, or `off`',
        ),
    })
    .prefault({})
    .describe('What is run again and again: by `medianest jobs`, or by systemd’s timers (`backup schedule install`)'),
  firewall: firewallSettings
    .prefault({})
    .describe('Rules of this host for the published ports (docs/firewall.md); `sudo medianest firewall apply` loads them'),
  storage: storageSettings.prefault({}).describe('Encryption of the data volumes (docs/encryption.md)'),
  diskReserve: size('1g').describe(
    'Free space that the disks of uploads, database and backups keep: below it uploads are refused (507), no backup is begun, and `health` fails; it warns below twice of it',
  ),
  images: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe('Your own image for a service, by its name; `base` is what the others are built on'),
  packages: z
    .strictObject({
      lock: z
        .boolean()
        .default(true)
        .describe(
          'Builds images with exactly the Debian packages that `medianest.lock.json` beside this file names (`images lock` writes it), or that of the release where it has one; `false` takes the newest',
        ),
      snapshot: z
        .url({ protocol: /^https?$/, error: 'should be an address such as http://snapshot.debian.org' })
        .refine((value) => !/^\w+:\/\/[^/]*@/.test(value), 'should have no user or password in it: it is not kept as a secret')
        .default('http://snapshot.debian.org')
        .describe('Where a build looks for a locked version that the mirror no longer has: an archive laid out like snapshot.debian.org'),
    })
    .prefault({})
    .describe('Which versions of Debian’s packages images are built with'),
};

const coreSchema = z.strictObject(coreShape);
export type CoreSettings = z.output<typeof coreSchema>;

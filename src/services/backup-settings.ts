import * as z from 'zod';
import { cpus, memory, secret, size } from '../config/fields.ts';

/** How many of each kind stay; the newest of each hour, day and so on. */
const keepSettings = z
  .strictObject({
    last: z.int().min(1, 'should be at least 1').max(1000).default(3).describe('The newest sets, however close together'),
    hourly: z.int().min(0).max(1000).default(24).describe('Hours of which the newest set stays'),
    daily: z.int().min(0).max(1000).default(7).describe('Days of which the newest set stays'),
    weekly: z.int().min(0).max(1000).default(5).describe('Weeks of which the newest set stays'),
    monthly: z.int().min(0).max(1000).default(12).describe('Months of which the newest set stays'),
    yearly: z.int().min(0).max(1000).default(3).describe('Years of which the newest set stays'),
  })
  .prefault({})
  .describe('Which sets `backup prune` keeps here');

const path = z
  .string()
  .regex(/^[^\0\r\n:,]+$/, 'should be a path without colons, commas and line breaks')
  .optional();

const localSettings = z
  .strictObject({
    kind: z
      .enum(['volume', 'folder'])
      .default('volume')
      .describe('`volume` (a volume of Docker, which `down --volumes` leaves) or `folder` (a mounted disk of this host)'),
    path: path.describe('folder: where the disk is mounted, absolute or relative to medianest.yml'),
    sameDisk: z
      .boolean()
      .default(false)
      .describe('folder: it may be on the disk that the data is on; what destroys that disk then destroys the backups too'),
    keep: keepSettings,
  })
  .superRefine(({ kind, path: given }, context) => {
    if (kind === 'folder' && given === undefined)
      context.addIssue({ code: 'custom', path: ['path'], message: 'is needed with `kind: folder`', input: given });
  });

/** What each kind of copy cannot do without. */
const NEEDS = {
  none: [],
  folder: ['path'],
  sftp: ['host', 'path', 'secretKey', 'knownHosts'],
  s3: ['bucket', 'accessKey', 'secretKey'],
  azure: ['bucket', 'accessKey', 'secretKey'],
  gcs: ['bucket', 'secretKey'],
  rest: ['endpoint'],
} as const;

/** One flat table, so that each key can also come from the environment, and the keys are secrets. */
const copySettings = z
  .strictObject({
    kind: z
      .enum(['none', 'folder', 'sftp', 's3', 'azure', 'gcs', 'rest'])
      .default('none')
      .describe('`none`, `folder` (a mounted disk), `sftp`, `s3` (and what speaks it), `azure`, `gcs`, or `rest` (restic’s own server)'),
    path: path.describe('folder and sftp: where the repository is; otherwise a prefix in the bucket'),
    sameDisk: z.boolean().default(false).describe('folder: it may be on the disk that the data is on'),
    host: z
      .string()
      .regex(/^[\w.:-]+$/, 'should be a name or an address')
      .optional()
      .describe('sftp: name or address of the server'),
    port: z.int().min(1).max(65535).default(22).describe('sftp: its port'),
    user: z
      .string()
      .regex(/^[\w.-]+$/)
      .default('backup')
      .describe('sftp and rest: user there'),
    knownHosts: z.string().min(1).optional().describe('sftp: the server’s line of known_hosts (ssh-keyscan); others are refused'),
    endpoint: z
      .url({ protocol: /^https?$/, error: 'should be an address such as https://s3.example.org' })
      .optional()
      .describe('s3 and rest: address of the server; s3 without one means AWS'),
    bucket: z
      .string()
      .regex(/^[\w.-]+$/, 'should be a bucket’s name')
      .optional()
      .describe('s3, azure (its container), gcs: name of the bucket'),
    region: z.string().min(1).optional().describe('s3: region of the bucket'),
    accessKey: secret().describe('s3: access key; azure: name of the account'),
    secretKey: secret().describe('sftp: private key; s3 and azure: secret key; gcs: key file (JSON); rest: password'),
    keep: keepSettings,
  })
  .superRefine((copy, context) => {
    for (const key of NEEDS[copy.kind])
      if (copy[key] === undefined)
        context.addIssue({ code: 'custom', path: [key], message: `is needed with \`kind: ${copy.kind}\``, input: undefined });
  });

export type CopySettings = z.output<typeof copySettings>;

export const backupSettings = z.strictObject({
  local: localSettings.prefault({}).describe('The first repository: WAL goes there all the time'),
  offsite: copySettings.prefault({}).describe('A copy of every set elsewhere; its failure never fails the first'),
  vault: copySettings.prefault({}).describe('Another copy of every set, such as a disk that is changed by hand'),
  media: z.boolean().default(false).describe('Back up the media library too, where it is a volume or a folder'),
  archiveSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(30)
    .describe('A WAL segment that is not full is archived after so many seconds: about what is lost with the host'),
  maxWalQueue: size('8g', '256m').describe(
    'WAL that waits for the repository at most; beyond it is dropped so that the database goes on, and `backup list` tells the gap',
  ),
  memory: memory('256m').describe('Memory limit of the container, and of each that backs up or restores files'),
  cpus: cpus(2).describe('Processors that each may use at most; never more than the host has'),
});

export type BackupSettings = z.output<typeof backupSettings>;

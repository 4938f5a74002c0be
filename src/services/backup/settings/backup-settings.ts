import * as z from 'zod';
import { cpus, memory, size } from '../../../settings/fields.ts';
import { copiesSettings } from './copies-settings.ts';
import { keepSettings } from './keep-settings.ts';
import { sanitizeSettings } from './sanitize-settings.ts';

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

export const backupSettings = z.strictObject({
  local: localSettings.prefault({}).describe('The repository: sets and WAL go there'),
  copies: copiesSettings.describe('The same elsewhere, sent by a container of its own; a copy that fails never fails the backup'),
  archiveSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(30)
    .describe('A WAL segment that is not full is archived after so many seconds: about what is lost with the host'),
  maxWalQueue: size('8g', '256m').describe(
    'How much WAL may wait for the repository; more is dropped so that the database keeps working, and `backup list` shows the gap',
  ),
  alert: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Program and arguments that are run when a backup, a verification, pruning or a drill fails; relative to medianest.yml. It gets MEDIANEST_PROJECT, _COMMAND, _ERROR, _MESSAGE and _NEXT (when it is tried again)',
    ),
  maxAgeHours: z
    .int()
    .min(1)
    .max(8760)
    .default(2)
    .describe(
      'How old the newest good set may be, in hours: while it is younger, a backup that was refused for a cause that passes (a member is away) is a warning in `health`, later a failure',
    ),
  sanitize: sanitizeSettings,
  memory: memory('256m').describe('Memory limit of the container, and of each that backs up or restores files'),
  cpus: cpus(2).describe('Processors that each may use at most; never more than the host has'),
});

export type BackupSettings = z.output<typeof backupSettings>;

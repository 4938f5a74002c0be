import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import type { Mount } from '../../stack/types.ts';
import { MEDIA_TARGET } from './media.ts';

/** Where a container has something of ours, or of the kernel. */
const TAKEN = [
  '/run/secrets',
  '/run/certs',
  '/run/certificates',
  '/run/trust',
  '/run/launch',
  '/proc',
  '/sys',
  '/dev',
  '/tmp',
  MEDIA_TARGET,
];

/** A folder in the container. A colon or comma would begin an option, where Docker reads it. */
export const folderPath = z
  .string()
  .regex(/^(\/(?!\.{1,2}(\/|$))[^/\0:,"\\\s]+)+$/, 'should be an absolute path without `.`, spaces or colons, such as /app/data');

const oneVolume = z.strictObject({
  path: folderPath.describe('Where the application finds it'),
  backup: z.boolean().default(true).describe('It is part of backups and restores'),
  shared: z.boolean().default(true).describe('One for all replicas; `false` gives each replica its own'),
});

export const volumesSettings = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,40}$/, 'should be a name of small letters, digits and hyphens'), oneVolume)
  .default({})
  .describe(
    'Volumes of its own by name: `{ downloads: { path: /data } }`, with `backup: false` for what need not be kept and `shared: false` for one of each replica. They begin empty and belong to `app.user`',
  );

export const writableSettings = z
  .array(folderPath)
  .default([])
  .describe(
    'Folders that it may write to besides: in memory, within `app.memory`, gone with the container, and its own from the first start',
  );

export interface OwnFolders {
  volumes: z.output<typeof volumesSettings>;
  writable: readonly string[];
  uploadsPath: string;
}

const within = (folder: string, other: string): boolean => folder === other || folder.startsWith(`${other}/`);

/** Folders, and the setting that each of them comes from. */
export const folderPlaces = ({ volumes, writable }: Omit<OwnFolders, 'uploadsPath'>, setting: string) => [
  ...Object.entries(volumes).map(([name, { path }]) => ({ setting: `${setting}.volumes.${name}.path`, path })),
  ...writable.map((path, index) => ({ setting: `${setting}.writable.${index}`, path })),
];

/**
 * @param all folders of one container, and the settings that they come from
 * @throws UserError INVALID_SETTINGS where two have one place, or one would hide what the application is given
 */
export function refuseOverlaps(all: readonly { setting: string; path: string }[]): void {
  for (const [index, { setting, path }] of all.entries()) {
    const taken = TAKEN.find((folder) => within(path, folder) || within(folder, path));
    const other = all.slice(0, index).find((before) => before.path === path);
    if (!taken && !other) continue;
    throw new UserError(
      'INVALID_SETTINGS',
      `${setting} is ${path}, ${other ? `as ${other.setting} is` : `where ${taken} has its place`}; nothing was changed`,
      `choose another ${setting}`,
    );
  }
}

/**
 * The volumes of a replica, in the order of their names.
 * @param replica `app-1`; undefined for what is no replica, which has the shared ones alone @param prefix of their names, for a process beside the first
 */
export const ownVolumes = ({ volumes }: Pick<OwnFolders, 'volumes'>, replica: string | undefined, prefix = ''): Mount[] =>
  Object.entries(volumes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { path, backup, shared }]): Mount[] => {
      if (!shared && !replica) return [];
      const source = `own-${prefix}${name}${shared ? '' : `.${replica}`}`;
      return [{ source, target: path, kind: 'volume', readOnly: false, ofUser: true, ...(backup && { backedUp: 'files' }) }];
    });

/** Folders in memory, in Compose's words. */
export const memoryFolders = ({ writable }: Pick<OwnFolders, 'writable'>, uid: number, gid: number): string[] => [
  '/tmp:mode=1777',
  ...writable.map((path) => `${path}:uid=${uid},gid=${gid},mode=0700`),
];

/** Why each of them is kept (docs/hardening.md). */
export const keepsFolders = ({ volumes, writable }: Omit<OwnFolders, 'uploadsPath'>, setting = 'app'): Record<string, string> =>
  Object.fromEntries([
    ...Object.entries(volumes).map(([name, { path }]) => [path, `${setting}.volumes.${name}`] as const),
    ...writable.map((path) => [path, `${setting}.writable: gone with the container`] as const),
  ]);

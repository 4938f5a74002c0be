import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { bytes } from '../../core/plural.ts';
import type { Stack } from '../../stack/types.ts';
import { databaseMembers, filePlaces } from '../plan/holds.ts';
import type { Part } from '../plan/restore-part.ts';
import { roomShort, type VolumeNeed } from '../plan/restore-room.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { type JobMount, mustRun } from '../repository/job.ts';
import { type BackupContext, jobMount } from '../repository/repository.ts';
import { missingFiles, snapshotParts } from './files.ts';
import { leaderOf } from './leader.ts';

/** A volume that does not exist yet: the engine makes one without a name, on the disk of all others, and removes it with the job. */
const NEW_VOLUME = '';

/** Where it goes: onto what is there, into new volumes, or into those by way of a copy that is sanitized (backup/restore/sanitize.ts). */
export type Destination = 'in-place' | 'into' | 'sanitized';

/**
 * The old and the new are both there for a while, each in the volume that it is for, which may be on a disk of its own.
 * @throws UserError DISK_FULL; nothing was changed
 */
export async function refuseTooSmall(
  context: Context,
  backups: BackupContext,
  target: RestoreTarget,
  parts: readonly Part[],
  destination: Destination,
): Promise<void> {
  const places = [
    ...(parts.includes('db') ? [await databasePlace(context, backups, target, destination)] : []),
    ...(parts.includes('files') ? await filesPlaces(backups, target, destination) : []),
  ];
  if (places.length === 0) return;
  const mounts = places.map(({ mount }, index) => ({ ...mount, target: `/room/${index}`, readOnly: mount.source !== NEW_VOLUME }));
  const argv = ['stat', '--file-system', '--format', '%i %a %S', ...mounts.map(({ target: at }) => at)];
  const { stdout } = await mustRun(backups.bench, { name: 'room', argv, mounts });
  // Comparing with what is there reads all names: only where that could tell.
  const refined = async () =>
    roomShort(await Promise.all(places.map(async (place) => ({ ...place, bytes: await place.atLeast() }))), stdout);
  const short = roomShort(places, stdout) && (await refined());
  if (!short) return;
  throw new UserError(
    'DISK_FULL',
    `restoring ${short.names.join(' and ')} of ${target.set.id} takes ${bytes(short.needed)} (${short.needed} bytes), and the disk has ${bytes(short.free)} (${short.free} bytes) left; nothing was changed`,
    'free some space there (docker system df), or restore another part alone: --only db, files or redis',
  );
}

/** `bytes` is what it takes at most, `atLeast` what it takes as things are. */
type Place = VolumeNeed & { mount: JobMount; atLeast(): Promise<number> };

async function databasePlace(context: Context, backups: BackupContext, { set }: RestoreTarget, destination: Destination): Promise<Place> {
  const size = Math.ceil(set.parts.db.sizeBytes * 1.2 * (destination === 'sanitized' ? 2 : 1));
  const need = { name: 'the database', bytes: size, atLeast: async () => size };
  if (destination !== 'in-place') return { ...need, mount: newPlace(backups.stack) };
  const leader = await leaderOf(backups, await context.engine());
  const mount = databaseMembers(backups.stack).find(({ name }) => name === leader)?.mounts[0];
  return { ...need, mount: jobMount(backups.bench.project, mount as never) };
}

/** Where new volumes are: with the engine, or in the encrypted folder, which may be on a disk of its own. */
export const newPlace = ({ encryptedIn }: Pick<Stack, 'encryptedIn'>): JobMount =>
  encryptedIn === undefined
    ? { source: NEW_VOLUME, target: '', kind: 'volume', readOnly: false }
    : { source: encryptedIn, target: '', kind: 'bind', readOnly: true };

/** Of what is there already only what is another is written, and what is not to be there goes last. */
async function filesPlaces({ bench, local, stack }: BackupContext, { set }: RestoreTarget, destination: Destination): Promise<Place[]> {
  const { snapshot, uploadsBytes, volumesBytes = {}, sizeBytes } = set.parts.files;
  const parts = await snapshotParts(bench, local, snapshot);
  return filePlaces(stack)
    .filter(({ part }) => parts.includes(part))
    .map(({ part, mount: own }) => {
      const uploads = part === 'uploads';
      const most = (uploads ? uploadsBytes : volumesBytes[part]) ?? sizeBytes;
      const need = { name: uploads ? 'the uploads' : `the volume ${own.source}`, bytes: most };
      if (destination !== 'in-place') return { ...need, mount: newPlace(stack), atLeast: async () => most };
      const mount = jobMount(bench.project, own);
      // A sparse file needs less than it is long.
      const atLeast = async () => Math.min(most, await missingFiles(bench, local, snapshot, `/source/${part}`, mount));
      return { ...need, mount, atLeast };
    });
}

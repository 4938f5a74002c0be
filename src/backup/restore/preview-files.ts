import { applicationOf, filePlaces } from '../plan/holds.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import type { JobMount } from '../repository/job.ts';
import type { BackupContext } from '../repository/repository.ts';
import { giveFiles, restoreFiles, snapshotParts } from './files.ts';

/** A volume of files in a preview. */
interface Place {
  /** What it is called in a set. */
  part: string;
  at: JobMount;
}

/** The volumes of a preview that files are restored into. @param volume one of the preview's by its name */
export const previewPlaces = ({ stack }: BackupContext, volume: (name: string, target: string) => JobMount): Place[] =>
  filePlaces(stack).map(({ part, mount }) => ({ part, at: volume(mount.source, mount.target) }));

/**
 * Restores what the set has of them. @param check compares every file with the set
 * @returns how many files the set has; none where it has nothing of them
 */
export async function restorePreviewFiles(
  backups: BackupContext,
  { set }: RestoreTarget,
  places: readonly Place[],
  check: boolean,
  step: (title: string, work: () => Promise<void>) => Promise<void>,
): Promise<number> {
  const { bench, local, stack } = backups;
  const { snapshot, files } = set.parts.files;
  const parts = await snapshotParts(bench, local, snapshot);
  const held = places.filter(({ part }) => parts.includes(part));
  for (const { part, at } of held) {
    const what = part === 'uploads' ? 'restore the uploads' : `restore ${part}`;
    await step(what, () => restoreFiles(bench, local, snapshot, `/source/${part}`, at, check));
    await giveFiles(bench, local, snapshot, `/source/${part}`, at, applicationOf(stack));
  }
  return held.length > 0 ? files : 0;
}

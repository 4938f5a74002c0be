import { UserError } from '../../core/errors.ts';
import type { ObservedVolume } from '../../docker/types.ts';
import { COMPOSE_PROJECT, COMPOSE_VOLUME, LABEL, volumeName } from '../../stack/labels.ts';
import type { CarryJournal } from './carry-journal.ts';
import { isOf } from './left-data.ts';
import type { Step } from './step.ts';

/** What an `up` does so that data comes along. */
export interface Carrying {
  /** Before files are written and containers made. */
  first: Step[];
  /** After the files are written: the state folder has the new name then. */
  written: Step[];
  /** Volumes, without the project's name, whose data comes along. */
  carried: string[];
}

/** A file system of a server is mounted under the new name as well: there is nothing to copy. */
const isRemote = (name: string): boolean => name.includes('_media-nfs-');

/** Every volume of a project, by its labels. */
export const volumesOf = (project: string, volumes: readonly ObservedVolume[]): ObservedVolume[] =>
  volumes.filter((volume) => isOf(volume, project) && volume.name.startsWith(volumeName(project, '')) && !isRemote(volume.name));

/**
 * Copies of all volumes of the name before. @param image of the job that copies
 * @throws UserError ALREADY_THERE if the new name has a volume that this move did not make
 */
export function carryVolumes(
  { recorded, project, image }: { recorded: string; project: string; image: string },
  volumes: readonly ObservedVolume[],
  journal: CarryJournal | undefined,
): Carrying {
  const own = volumesOf(recorded, volumes).sort((a, b) => (a.name < b.name ? -1 : 1));
  const target = ({ name }: ObservedVolume) => volumeName(project, name.slice(volumeName(recorded, '').length));
  const there = new Map(volumes.map((volume) => [volume.name, volume]));
  const taken = own
    .map((volume) => there.get(target(volume)))
    .find((volume) => volume !== undefined && (!journal || !isOf(volume, project)));
  if (taken)
    throw new UserError(
      'ALREADY_THERE',
      `the volume ${taken.name} is here already, so the data of ${recorded} cannot take its place; nothing was changed`,
      `choose another name; or, if its data is of no use: docker volume rm ${taken.name}`,
    );
  const isCopied = (name: string) => there.has(name) && journal?.copied[name] === (there.get(name)?.createdAt ?? '');
  const pending = own.filter((volume) => !isCopied(target(volume)));
  const cause = `the data of ${recorded} comes along`;
  const copies = pending.map(
    (volume): Step => ({ kind: 'carry-volume', from: volume.name, to: target(volume), labels: labelsFor(volume, project), image, cause }),
  );
  return {
    first: [
      ...(pending.length > 0 ? [{ kind: 'check-carry', volumes: pending.map(({ name }) => name), image, cause } satisfies Step] : []),
      { kind: 'begin-carry', journal: journal ?? { kind: 'rename', from: recorded, copied: {} }, cause },
      ...copies,
    ],
    written: [{ kind: 'finish-carry', cause: 'all copies are verified' }],
    carried: own.map(({ name }) => name.slice(volumeName(recorded, '').length)),
  };
}

/** As Compose or medianest would label it under the new name; without Compose's hash, Compose takes it as it is. */
function labelsFor({ labels }: ObservedVolume, project: string): Record<string, string> {
  const volume = labels[COMPOSE_VOLUME];
  return { [LABEL.project]: project, ...(volume !== undefined && { [COMPOSE_PROJECT]: project, [COMPOSE_VOLUME]: volume }) };
}

export const unfinished = ({ from }: CarryJournal, project: string, root: string): UserError =>
  new UserError(
    'FOREIGN_STATE',
    `the data of ${from} is being copied to the volumes of ${project}, and that was interrupted; nothing was changed`,
    `continue: medianest up --carry-data; or return to the name ${from}: the old data is as it was`,
    { path: root },
  );

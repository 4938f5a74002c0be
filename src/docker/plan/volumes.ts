import { UserError } from '../../core/errors.ts';
import { COMPOSE_PROJECT, LABEL } from '../../stack/labels.ts';
import type { ObservedVolume } from '../types.ts';

/** What is about to write into volumes of certain names. */
export type VolumeUser =
  /** @property mounted volumes that containers of this project mount already */
  | { kind: 'stack'; project: string; mounted: readonly string[] }
  /** A project of its own, made from a backup of the project `of`. */
  | { kind: 'preview' | 'drill'; project: string; of: string }
  /** @property job what its volume is labelled with */
  | { kind: 'job'; project: string; job: string };

/**
 * The first of these names that is a volume which its user did not make; undefined where there is none. A name proves nothing, nor
 * does Compose's own label, which every Compose project of that name puts on its volumes. Our label does: each volume has had it
 * since 0.1.0. A volume that a container of the project mounts is its own in any case: that project has written into it already.
 */
export function foreignVolume(names: readonly string[], volumes: readonly ObservedVolume[], user: VolumeUser): ObservedVolume | undefined {
  return volumes.find((volume) => names.includes(volume.name) && !isOwn(volume, user));
}

function isOwn({ name, labels }: ObservedVolume, user: VolumeUser): boolean {
  const { [LABEL.project]: project, [LABEL.preview]: preview, [LABEL.job]: job } = labels;
  switch (user.kind) {
    case 'stack':
      return user.mounted.includes(name) || (project === user.project && preview === undefined && job === undefined);
    case 'preview':
    case 'drill': {
      const of = labels[LABEL.previewOf] ?? user.of;
      return project === user.project && preview === user.project && of === user.of;
    }
    // The volume of an export had no label of its job before 0.5.
    case 'job':
      return project === user.project && preview === undefined && (job ?? user.job) === user.job;
  }
}

/** The error for a volume of another maker: which, its labels, and what to do. Nothing was changed by then. */
export function volumeRefusal({ name, labels }: ObservedVolume, user: VolumeUser): UserError {
  const remove = `if its data is of no use, remove it: docker volume rm ${name}`;
  const { [LABEL.preview]: preview } = labels;
  const hints = {
    stack: `choose another name: --project, or \`project:\` in medianest.yml; ${preview === undefined ? remove : `or medianest preview remove ${preview}`}`,
    preview: `choose another name: --into; ${remove}`,
    drill: `copy its data elsewhere; ${remove}`,
    job: `copy its data elsewhere; ${remove}`,
  };
  const users = {
    stack: `the project ${user.project}`,
    preview: `no preview ${user.project} of this project`,
    drill: `no drill of this project`,
    job: `no job of the project ${user.project}`,
  };
  const made = user.kind === 'stack' ? 'did not make it' : 'made it';
  return new UserError(
    'FOREIGN_PROJECT',
    `the volume ${name} is here already, and ${users[user.kind]} ${made} (${labelsText(labels)}); nothing was changed`,
    hints[user.kind],
  );
}

/** Labels that say who made a volume; a few others where it has none of these. */
function labelsText(labels: Readonly<Record<string, string>>): string {
  const telling: string[] = [LABEL.project, LABEL.preview, LABEL.previewOf, LABEL.job, COMPOSE_PROJECT];
  const names = Object.keys(labels).sort();
  const known = names.filter((name) => telling.includes(name));
  const shown = (known.length > 0 ? known : names.slice(0, 3)).map((name) => `${name}=${labels[name]}`);
  return shown.length > 0 ? `its labels: ${shown.join(', ')}` : 'it has no label';
}

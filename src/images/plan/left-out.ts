import type { Check } from '../../capability/check.ts';
import type { Manifest } from '../../stack/manifest.ts';

type LeftOut = NonNullable<Manifest['leftOut']>[number];

const REMEDY = 'medianest up tries again; on a host without a registry: medianest images load FILE, then medianest up';

const text = ({ service, image, without, keeps }: LeftOut): string =>
  keeps === undefined
    ? `${service} is left out, because its image ${image} could not be pulled: no ${without}`
    : `${service} keeps the image ${keeps}, because ${image} could not be pulled`;

/** For `health`: one warning for each service that does not run, or runs from an earlier image, for want of its image. */
export const leftOutChecks = ({ leftOut = [] }: Pick<Manifest, 'leftOut'>): Check[] =>
  leftOut.map((entry) => ({ id: `image.${entry.service}`, status: 'warn', message: text(entry), remedy: REMEDY }));

/** For `status`. */
export const leftOutNotes = ({ leftOut = [] }: Pick<Manifest, 'leftOut'>): string[] =>
  leftOut.map((entry) => `${text(entry)}; the next medianest up tries again`);

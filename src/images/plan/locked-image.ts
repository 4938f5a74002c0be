import type { LockedImage, LockedPackage } from '../../stack/image-lock.ts';
import type { ImageSpec } from '../../stack/types.ts';
import type { ImageContents } from '../store/plan/image-contents.ts';
import { type Offers, suiteOf } from './newer.ts';

/** The image that another is built on, as the engine has it. */
export interface BaseImage {
  ref: string;
  id: string;
  /** `debian@sha256:...`; none for one that was made on this machine. */
  digests: readonly string[];
}

export interface Recorded {
  image: ImageSpec;
  id: string;
  /** Where it can be pulled from, exactly: `grafana/grafana@sha256:...`. */
  digests?: readonly string[];
  base: BaseImage | undefined;
  contents: ImageContents;
  /** Undefined where the mirror was not reached. */
  offers: Offers | undefined;
  at: Date;
}

/** An image as the lock has it. */
export function lockedImage({ image, id, digests = [], base, contents, offers, at }: Recorded): LockedImage {
  const packages: Record<string, LockedPackage> = {};
  for (const [name, { version, architecture }] of Object.entries(contents.packages).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const suite = offers && suiteOf(name, version, contents.system?.codename ?? '', offers);
    packages[name] = { version, architecture, ...(suite && { suite }) };
  }
  const built = image.build && { source: image.build.source, snapshot: snapshotTime(at) };
  const digest = image.pulled && digestOf(image.ref, digests);
  return { ref: image.ref, id, ...(digest && { digest }), ...built, ...(base && { base: lockedBase(base) }), packages };
}

function digestOf(ref: string, digests: readonly string[]): string | undefined {
  const repository = ref.replace(/@.*$/, '').replace(/:[^/]*$/, '');
  return digests.find((entry) => entry.startsWith(`${repository}@`)) ?? digests[0];
}

/** Under the name that it has in the settings, where it was given by digest as well. */
function lockedBase({ ref, id, digests }: BaseImage): NonNullable<LockedImage['base']> {
  const digest = digestOf(ref, digests);
  return { ref, id, ...(digest && { digest }) };
}

/** As snapshot archives name a time: `20261129T091500Z`. */
const snapshotTime = (at: Date): string => `${at.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;

/**
 * Names of the images that are built again when some move: what is built on them, and what they are built on, which the engine may
 * have under its locked name alone.
 * @param only all where undefined
 */
export function movedWith(images: readonly ImageSpec[], only: readonly string[] | undefined): string[] {
  const parents = (image: ImageSpec): ImageSpec[] => (image.build?.after ? [image.build.after, ...parents(image.build.after)] : []);
  const lines = images.filter(({ build }) => build).map((image) => [image, ...parents(image)].map(({ name }) => name));
  const moved = lines.filter((line) => !only || line.some((name) => only.includes(name)));
  return images.map(({ name }) => name).filter((name) => moved.some((line) => line.includes(name)));
}

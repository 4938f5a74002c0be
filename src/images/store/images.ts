import type { ObservedImage } from '../../docker/types.ts';
import type { ImageLock } from '../../stack/image-lock.ts';
import type { Stack } from '../../stack/types.ts';

/** An image under one of its names, as the engine lists it. */
export interface NamedImage {
  ref: string;
  id: string;
}

/** Names that the stack's containers are started from, each once. */
export const neededRefs = (stack: Stack): string[] => [...new Set(stack.services.map((service) => service.image.ref))];

/** Whether every service that is started from this image is left out where it is missing. */
export const canDoWithout = (stack: Stack, ref: string): boolean =>
  stack.services.filter(({ image }) => image.ref === ref).every(({ without }) => without !== undefined);

/** Ours by name and label: `medianest/edge:4f2a...`; an operator's own image may carry the label of what it is built upon. One that a killed build has left has a longer name. */
const OURS = /^medianest\/([a-z0-9-]+):[0-9a-f]{12}(-building-\d+)?$/;

/** Images by some of their names: these, and how much they take at most, because layers may be shared. */
export function imagesNamed(images: readonly ObservedImage[], fits: (ref: string) => boolean): { refs: string[]; bytes: number } {
  const found = images.filter(({ refs }) => refs.some(fits));
  return { refs: found.flatMap(({ refs }) => refs.filter(fits)).sort(), bytes: found.reduce((sum, image) => sum + image.bytes, 0) };
}

/** Those that medianest has built, whatever project they are for. */
export const builtImages = (images: readonly ObservedImage[]) =>
  imagesNamed(
    images.filter(({ built }) => built),
    (ref) => OURS.test(ref),
  );

/** Of our images, those that neither a container nor the stack nor a release uses. */
export function prunable(images: readonly NamedImage[], usedIds: ReadonlySet<string>, stack: Stack): NamedImage[] {
  const wanted = new Set(stack.images.flatMap((image) => [image.ref, ...(image.build?.after ? [image.build.after.ref] : [])]));
  const released = new Set(images.filter(({ ref }) => /^medianest\/[a-z0-9_-]+-release:/.test(ref)).map(({ id }) => id));
  return images.filter(({ ref, id }) => OURS.test(ref) && !wanted.has(ref) && !usedIds.has(id) && !released.has(id));
}

/** One line for each difference between what was locked and what is there. */
export function lockChanges(locked: ImageLock, now: ImageLock): string[] {
  const names = [...new Set([...Object.keys(locked.images), ...Object.keys(now.images)])].sort();
  return names.flatMap((name) => {
    const [before, after] = [locked.images[name], now.images[name]];
    if (!before) return [`${name} is new`];
    if (!after) return [`${name} is no longer part of the stack`];
    if (before.id === after.id) return [];
    const packages = [...new Set([...Object.keys(before.packages), ...Object.keys(after.packages)])]
      .sort()
      .filter((entry) => before.packages[entry]?.version !== after.packages[entry]?.version)
      .map((entry) => `${entry} ${before.packages[entry]?.version ?? 'none'} -> ${after.packages[entry]?.version ?? 'none'}`);
    // Two builds of one source with the same packages have different ids.
    if (packages.length === 0 && before.source !== undefined && before.source === after.source) return [];
    return [`${name} is another image${packages.length > 0 ? `: ${packages.join(', ')}` : ', with the same packages'}`];
  });
}

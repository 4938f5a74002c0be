import { shortHash } from '../../core/hash.ts';
import type { ImageSpec } from '../../stack/types.ts';

/** A package of an image that its distribution has a newer version of. */
export interface PackageUpdate {
  name: string;
  from: string;
  to: string;
}

export interface ImageUpdate {
  image: string;
  ref: string;
  packages: PackageUpdate[];
}

/** What marks the next build of each image: the same updates give the same mark, so that a second run finds it done. */
export function updateMarks(updates: readonly ImageUpdate[], before: Readonly<Record<string, string>>): Record<string, string> {
  const marks = updates.map(({ image, ref, packages }) => [image, shortHash([ref, packages])] as const);
  return { ...before, ...Object.fromEntries(marks) };
}

/** Data first, the way in last, so that what others stand on is proven before they move. */
const ORDER = [
  'engine-proxy',
  'agent',
  'etcd',
  'redis',
  'redis-cluster',
  'postgres',
  'patroni',
  'db-router',
  'all-in-one',
  'balancer',
  'app',
  'edge',
];

export const inSafeOrder = (components: readonly string[]): string[] =>
  [...new Set(components)].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));

const rank = (component: string): number => (ORDER.includes(component) ? ORDER.indexOf(component) : -1);

/** Those that medianest builds; an operator's own image is refreshed by its own name. */
export const builtImages = (images: readonly ImageSpec[]): ImageSpec[] => images.filter((image) => image.build);

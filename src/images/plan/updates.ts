import { shortHash } from '../../core/hash.ts';
import type { ImageSpec, Role, Service } from '../../stack/types.ts';

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
const ORDER: readonly Role[] = ['repository', 'coordination', 'cache', 'database', 'balancer', 'application', 'edge'];

type Ordered = Pick<Service, 'name' | 'component' | 'role' | 'after'>;

/**
 * Components of these services in the order in which they are renewed.
 * @param all the stack's, for what a service stands on
 */
export function inSafeOrder(services: readonly Ordered[], all: readonly Ordered[]): string[] {
  const ranks = new Map(services.map((service) => [service, rank(service, all)] as const));
  const sorted = [...services].sort((a, b) => (ranks.get(a) as number) - (ranks.get(b) as number));
  return [...new Set(sorted.map(({ component }) => component))];
}

/** A service whose role is not in that order comes right after what it stands on (the router after the database); first of all where that is nothing. */
function rank({ role, after }: Ordered, all: readonly Ordered[]): number {
  const place = role ? ORDER.indexOf(role) : -1;
  if (place >= 0) return place + 1;
  const below = all.filter(({ name }) => after.includes(name)).map((service) => rank(service, all));
  return below.length > 0 ? Math.max(...below) + 0.5 : 0;
}

/** Those that medianest builds; an operator's own image is refreshed by its own name. */
export const builtImages = (images: readonly ImageSpec[]): ImageSpec[] => images.filter((image) => image.build);

import type { HeldBuild } from '../image-lock.ts';

export interface ImageSpec {
  name: string;
  /** A content-addressed tag for what is built here; the operator's reference otherwise. */
  ref: string;
  build?: {
    /** Folder with the Dockerfile, relative to the package. */
    context: string;
    /** BuildKit's named contexts: name -> folder relative to the package. */
    contexts: Record<string, string>;
    args: Record<string, string>;
    /** The published image that it starts from, as the settings name it; absent where that is one of ours. */
    base?: string;
    /** Without BuildKit's cache, which would bring the packages of last time. */
    fresh: boolean;
    /** Hash of all its sources, whatever packages it is built with. */
    source: string;
    /** The packages that it must have; the newest where there is no lock. */
    held?: HeldBuild;
    /** The image it is `FROM`, built before it. */
    after?: ImageSpec;
  };
  /** It is published by others and pulled from a registry. `bytes`: what it takes on the engine's disk, about; `digest`: what the lock holds its tag to. */
  pulled?: { bytes: number; digest?: string };
}

/** A service that does not run, or runs from an earlier image, because the engine does not have its image. */
export interface LeftOut {
  service: string;
  /** The image that it should run from. */
  image: ImageSpec;
  /** What is missing without it: `dashboards in Grafana`. */
  without: string;
  /** The earlier image that its container keeps meanwhile. */
  keeps?: string;
}

/** Each image once, what it is built upon before it. */
export function imagesInOrder(images: readonly ImageSpec[]): ImageSpec[] {
  const ordered = new Map<string, ImageSpec>();
  const add = (image: ImageSpec) => {
    if (image.build?.after) add(image.build.after);
    if (!ordered.has(image.ref)) ordered.set(image.ref, image);
  };
  for (const image of images) add(image);
  return [...ordered.values()];
}

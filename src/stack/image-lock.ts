/** A Debian package as an image has it. */
export interface LockedPackage {
  version: string;
  /** `amd64`, or `all`. */
  architecture: string;
  /** The suite that offered this version when it was recorded; absent where none did, or none was reached. */
  suite?: string;
}

/** What an image is made of, so that the same one can be built again. */
export interface LockedImage {
  ref: string;
  id: string;
  /** Of an image that others publish: what its tag stood for (`grafana/grafana@sha256:...`), so that the same one is pulled. */
  digest?: string;
  /** Hash of the image's source when it was recorded: another source may need packages that the lock does not name. */
  source?: string;
  /** When it was recorded, as snapshot archives name a time: `20261129T091500Z`. */
  snapshot?: string;
  /** The image that it starts from; `digest` only where it was published (`debian@sha256:...`). */
  base?: { ref: string; id: string; digest?: string };
  /** By name; empty for an image that has none. */
  packages: Record<string, LockedPackage>;
}

/** medianest.lock.json. */
export interface ImageLock {
  /** Of this file's form. One without it was written before 0.5: it can be compared with, and holds no build. */
  format?: 2;
  medianest: string;
  profile: string;
  /** What the packages are for: `amd64`. */
  architecture?: string;
  images: Record<string, LockedImage>;
}

/** Holds a build to the packages of a lock. */
export interface HeldBuild {
  /** The lock's file, for messages. */
  file: string;
  /** Name -> version. */
  packages: Record<string, string>;
  /** Those that every image of the lock has: they come with the first layer, which is the same in all of them. */
  common: string[];
  architecture: string;
  /** Where versions that the mirror no longer has are looked for: a dated archive, and its suites. */
  archive: { url: string; snapshot: string; suites: string[] };
  /** The image's source is the one that the lock was made of, so that it needs no other packages. */
  sameSource: boolean;
}

/** A lock that was read, and where. */
export interface FoundLock {
  file: string;
  lock: ImageLock;
}

/** @returns undefined where the lock does not name the image, or was written before locks held builds */
export function heldBuild(found: FoundLock | undefined, name: string, source: string, url: string): HeldBuild | undefined {
  const { format, architecture, images } = found?.lock ?? {};
  const image = images?.[name];
  if (!found || format !== 2 || !architecture || !image?.snapshot || Object.keys(image.packages).length === 0) return undefined;
  const others = Object.values(images ?? {}).filter(({ source: built }) => built !== undefined);
  const entries = Object.entries(image.packages);
  return {
    file: found.file,
    packages: Object.fromEntries(entries.map(([entry, { version }]) => [entry, version])),
    common: Object.keys(image.packages).filter((entry) => others.every(({ packages }) => entry in packages)),
    architecture,
    archive: { url, snapshot: image.snapshot, suites: [...new Set(entries.flatMap(([, { suite }]) => suite ?? []))].sort() },
    sameSource: image.source === source,
  };
}

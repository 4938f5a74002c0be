import { canonical, shortHash } from '../../core/hash.ts';
import type { AppVersion } from '../../stack/overrides.ts';

/** An image as the operator named it, its id on this engine, and where the same bytes can be pulled from. */
export interface ReleaseImage {
  image: string;
  imageId: string;
  digests: string[];
}

/** One version of the application that was put into service, or was meant to be. */
export interface Release {
  /** `r1`, `r2`, ... */
  id: string;
  /** The image as the operator or medianest named it. */
  image: string;
  /** Its id on this engine, and where the same bytes can be pulled from. */
  imageId: string;
  digests: string[];
  /** The same for processes that have an image of their own. */
  images?: Record<string, ReleaseImage>;
  /** Hash of the settings that go with it. */
  settings: string;
  version: AppVersion;
  time: string;
  user: string;
  command: string;
  /** `running` is one that did not come to its end: it was killed. */
  result: 'running' | 'deployed' | 'reverted' | 'failed';
  seconds: number;
  error?: string;
  /** `app.migrate` was begun for it, and the set that was made before. */
  migrated?: true;
  restorePoint?: string;
}

/** As many as `releases` keeps. */
const KEPT = 20;

/** The name that keeps a release's image from `docker image prune`. */
export const releaseTag = (project: string, id: string): string => `medianest/${imagePart(project)}-release:${id}`;

/** The same for the image of a process that has its own. */
export const processTag = (project: string, id: string, process: string): string => releaseTag(project, `${id}-${process}`);

/** Whether two releases are the same images with the same settings. */
export const isSameVersion = (a: Version, b: Version): boolean =>
  a.imageId === b.imageId && a.settings === b.settings && idsOf(a) === idsOf(b);

type Version = Pick<Release, 'imageId' | 'settings' | 'images'>;

const idsOf = ({ images = {} }: Version): string =>
  canonical(Object.fromEntries(Object.entries(images).map(([name, { imageId }]) => [name, imageId])));

/** What may stand before `-release` in the name of an image ("path-component" of distribution/reference). */
const IMAGE_PART = /^[a-z0-9]+(?:(?:_|__|-+)[a-z0-9]+)*-*$/;

/** Compose takes names such as `x_` and `x-_-y`, and Docker refuses images of them: those get a name that Docker takes, no other project’s. */
const imagePart = (project: string): string =>
  IMAGE_PART.test(project) ? project : `${project.replace(/[_-]{2,}|_$/g, '-')}-${shortHash(project)}`;

/** @param ordered the release that is ordered: its name is taken, also where the list of releases was lost */
export const nextRelease = (releases: readonly Release[], ordered?: string): string =>
  `r${Math.max(0, ...[...releases.map(({ id }) => id), ordered ?? ''].map((id) => Number.parseInt(id.slice(1), 10) || 0)) + 1}`;

/** The one that serves. */
export const currentRelease = (releases: readonly Release[]): Release | undefined =>
  releases.findLast(({ result }) => result === 'deployed');

/** The one before the current, other than it: where `rollback` goes. */
export function previousRelease(releases: readonly Release[]): Release | undefined {
  const current = currentRelease(releases);
  return releases.findLast((release) => release.result === 'deployed' && current && !isSameVersion(release, current));
}

/** A release that did not come to its end; one that is ordered did, whatever its entry says. */
export const interruptedRelease = (releases: readonly Release[], ordered: string | undefined): Release | undefined =>
  releases.findLast(({ id, result }) => result === 'running' && id !== ordered);

/**
 * Interrupted releases, as they ended: the release in the overrides had reached every replica before it was killed,
 * anything else is rolled back.
 */
export const settleInterrupted = (releases: readonly Release[], ordered: string | undefined): Release[] =>
  releases
    .filter(({ result }) => result === 'running')
    .map((release) =>
      release.id === ordered ? { ...release, result: 'deployed' } : { ...release, result: 'reverted', error: 'it was interrupted' },
    );

/** With one more or changed release, and without those that are too old; never without the current one. */
export function withRelease(releases: readonly Release[], release: Release): Release[] {
  const isKnown = releases.some(({ id }) => id === release.id);
  const all = isKnown ? releases.map((entry) => (entry.id === release.id ? release : entry)) : [...releases, release];
  const current = currentRelease(all);
  return all.filter((entry, index) => index >= all.length - KEPT || entry === current);
}

import { filtered, type Listing } from './listing.ts';

/** Below the folder of a generation (services/backup-generation.ts). */
export const ARCHIVE = 'archive/medianest';

export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
/** A segment’s number, without the timeline in front of it. */
const segmentNumber = (name: string): string => name.slice(8, 24);

/** A copy’s WAL, without pgBackRest’s list, which is sent after it. */
export const withoutList = (files: Listing): Listing => filtered(files, (path) => !path.includes('archive.info'));

/**
 * WAL that some set needs: from the oldest segment on by its number, on whatever timeline. Histories of timelines stay.
 * @param oldest the first segment that a set needs; undefined keeps all
 */
export function neededWal(files: Listing, oldest: string | undefined): Listing {
  if (oldest === undefined) return files;
  const first = segmentNumber(oldest);
  return filtered(files, (path) => {
    const name = baseName(path);
    return name.includes('history') || !/^[0-9A-F]+[-.]/.test(name) || segmentNumber(name) >= first;
  });
}

/** WAL that no set needs any more. */
export function obsoleteWal(files: Listing, oldest: string | undefined): string[] {
  const needed = neededWal(files, oldest);
  return [...files.keys()].filter((path) => !needed.has(path));
}

/**
 * Without what was being sent when it failed or was killed: by SFTP the end of a file may be written before its middle, so it has
 * its full size and is not whole.
 * @param sending paths, one a line
 */
export function settled(files: Listing, sending: string): Listing {
  const unsettled = new Set(sending.split('\n'));
  return filtered(files, (path) => !unsettled.has(path));
}

/** The newest segment of a listing; empty where there is none. */
export const newestSegment = (files: Listing): string =>
  [...files.keys()]
    .map(baseName)
    .filter((name) => /^[0-9A-F]{24}-/.test(name))
    .sort()
    .at(-1)
    ?.slice(0, 24) ?? '';

/** WAL that is compared: what is here and was sent, of the same size. */
export const comparedWal = (here: Listing, sent: Listing): ReadonlySet<string> =>
  new Set([...here].flatMap(([path, size]) => (sent.get(path) === size ? [path] : [])));

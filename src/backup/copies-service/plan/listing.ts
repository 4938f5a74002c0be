/** Files by their path below the repository, and the size of each in bytes. Paths are the same here and in a copy. */
export type Listing = ReadonlyMap<string, number>;

/** `SIZE PATH` a line, as `find` and `rclone lsf` print it. @param folder that the paths are below */
export function parseListing(text: string, folder?: string): Listing {
  const files = new Map<string, number>();
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space <= 0) continue;
    const path = line.slice(space + 1);
    files.set(folder === undefined ? path : `${folder}/${path}`, Number(line.slice(0, space)));
  }
  return files;
}

export const listingText = (files: Listing): string => [...files].map(([path, size]) => `${size} ${path}\n`).join('');

export const merged = (...listings: readonly Listing[]): Listing => new Map(listings.flatMap((files) => [...files]));

export const filtered = (files: Listing, keep: (path: string) => boolean): Listing => new Map([...files].filter(([path]) => keep(path)));

/** What is offered and not held, or held only in part: no file is ever replaced by a smaller one. The oldest WAL is first. */
export const lacking = (held: Listing, offered: Listing): string[] =>
  [...offered].flatMap(([path, size]) => (size > (held.get(path) ?? -1) ? [path] : [])).sort();

/**
 * Whether a copy may be of what is here: it is empty, or has a file in common with it, of the same size. A repository that was
 * lost and begun again keeps its identity and has other keys: its lists would make the copy unreadable.
 */
export const sharesWith = (here: Listing, there: Listing): boolean =>
  there.size === 0 || [...there].some(([path, size]) => here.get(path) === size);

/** How another place is chosen for what cannot be written; null where its place is fixed. The default is for the state folder. */
export type Elsewhere = 'with --state' | 'with --out' | 'with --to' | 'as FILE' | null;

/** By the kernel's code: what to do, and whether another place would do as well. */
const WRITING_FIXES: Readonly<Record<string, readonly [fix: string, elsewhere: boolean]>> = {
  ENOSPC: ['the disk is full: free some space', false],
  EDQUOT: ['your disk quota is used up: free some space', false],
  EISDIR: ['a folder stands where the file should be: move it away', true],
  EEXIST: ['a file stands where the folder should be: move it away', true],
  ENOTDIR: ['a file stands where a folder should be: move it away', true],
  EROFS: ['the file system is read-only: mount it writable', true],
  EACCES: ['the folder belongs to another user: change its owner', true],
  EPERM: ['the folder belongs to another user: change its owner', true],
};

/** What to do about a write that failed with this code; undefined for every other one. */
export function writingFix(code: string | undefined, elsewhere: Elsewhere): string | undefined {
  const known = code === undefined ? undefined : WRITING_FIXES[code];
  if (!known) return undefined;
  const [what, movable] = known;
  return movable && elsewhere ? `${what}, or choose another place ${elsewhere}` : what;
}

/** A pipe may have no end; the disk that a link leads to may not be mounted. */
const UNREADABLE: Readonly<Record<string, string>> = {
  EISDIR: 'a folder stands where the file should be: move it away',
  ENXIO: 'a pipe or a device stands where the file should be: move it away',
  ENOLINK: 'it is a link that leads nowhere: mount the disk that it leads to, or remove the link',
};

/** What lets a person read what its owner keeps to itself. */
export function readingFix(code: string, owner: string): string {
  const known = UNREADABLE[code];
  if (known) return known;
  if (code !== 'EACCES' && code !== 'EPERM') return 'see that its disk is mounted and sound: dmesg says more';
  if (process.geteuid?.() === 0) return `its file system refuses root: run medianest as ${owner}`;
  return `run medianest as ${owner}${owner === 'root' ? '' : ', or as root'}`;
}

import path from 'node:path';

/** One entry below a folder, as `find -printf` tells it. */
export interface Entry {
  /** find’s letter: f, d, l; p, s, b, c for what is no file. */
  type: string;
  size: number;
  /** Seconds, as find writes them: compared as text. */
  time: string;
  path: string;
  /** Of a link. */
  target: string;
}

/** What find is asked for: every field ends with a zero byte, because no name has one in it. */
export const ENTRY_FORMAT = String.raw`%y\0%s\0%T@\0%P\0%l\0`;

/** Where it is copied to before it is merged, within the target: one file system, so that merging copies nothing. */
export const STAGING = '.medianest-import';

/** @param printed by find with `ENTRY_FORMAT` */
export function entriesOf(printed: string): Entry[] {
  const fields = printed.split('\0');
  const entries: Entry[] = [];
  for (let at = 0; at + 4 < fields.length; at += 5) {
    const [type = '', size, time = '', name = '', target = ''] = fields.slice(at, at + 5);
    if (name !== '') entries.push({ type, size: Number(size), time: time.replace(/\..*$/, ''), path: name, target });
  }
  return entries;
}

export interface CopyPlan {
  /** Of the source: what is to be there at the end. */
  files: Entry[];
  folders: Entry[];
  links: Entry[];
  /** Files that an interrupted run has copied already are not among them. */
  copy: Entry[];
  /** What is not copied, and why. */
  left: string[];
  /** Paths where the target has another file. */
  conflicts: string[];
  /** Of those: what is a folder in the source and none in the target, so that it has to go first; and the reverse, which is never replaced. */
  inFoldersPlace: Entry[];
  foldersInPlace: string[];
  bytes: number;
  /** An interrupted run has copied what the source has no more. */
  stale: boolean;
}

const KINDS: Readonly<Record<string, string>> = { p: 'a named pipe', s: 'a socket', b: 'a device', c: 'a device' };

/**
 * A link is kept where it stays within the folder wherever that is: a relative one that does not climb out of it. It may climb before it names
 * anything, as only then it is known from where: a name may be that of another link.
 */
function leadsOut({ path: name, target }: Entry): boolean {
  if (path.posix.isAbsolute(target) || /(?:^|\/)(?!\.{1,2}(?:\/|$))[^/]+\/(?:.*\/)?\.\.(?:\/|$)/s.test(target)) return true;
  const end = path.posix.normalize(path.posix.join(path.posix.dirname(name), target));
  return end === '..' || end.startsWith('../');
}

/** A name that is no UTF-8 has lost what it was when it was read. */
const isUnreadable = ({ path: name, target }: Entry): boolean => name.includes('\uFFFD') || target.includes('\uFFFD');

/** @param target what the volume has already @param staged what an interrupted run has left */
export function copyPlan(source: readonly Entry[], target: readonly Entry[], staged: readonly Entry[]): CopyPlan {
  const own = ({ path: name }: Entry) => name === STAGING || name.startsWith(`${STAGING}/`);
  const usable = source.filter((entry) => !own(entry) && !isUnreadable(entry));
  const files = usable.filter(({ type }) => type === 'f');
  const folders = usable.filter(({ type }) => type === 'd');
  const links = usable.filter((entry) => entry.type === 'l' && !leadsOut(entry));
  const there = new Map(target.filter((entry) => !own(entry)).map((entry) => [entry.path, entry]));
  const wanted = new Set([...files, ...folders, ...links].map((entry) => entry.path));
  const stale = staged.some((entry) => !wanted.has(entry.path));
  const done = new Map(stale ? [] : staged.map((entry) => [entry.path, entry]));
  const same = (a: Entry, b: Entry | undefined) => b?.type === a.type && b.size === a.size && b.time === a.time && b.target === a.target;
  return {
    files,
    folders,
    links,
    copy: [...files, ...links].filter((entry) => !same(entry, done.get(entry.path))),
    stale,
    left: source
      .filter((entry) => !own(entry))
      .flatMap((entry) => {
        if (isUnreadable(entry)) return [`${entry.path}: its name is not UTF-8`];
        const kind = KINDS[entry.type];
        if (kind) return [`${entry.path}: ${kind}`];
        return entry.type === 'l' && leadsOut(entry) ? [`${entry.path}: a link that leads outside, to ${entry.target}`] : [];
      })
      .sort(),
    conflicts: [
      ...[...files, ...links].flatMap((entry) => (there.has(entry.path) && !same(entry, there.get(entry.path)) ? [entry.path] : [])),
      ...folders.flatMap((entry) => (there.has(entry.path) && there.get(entry.path)?.type !== 'd' ? [entry.path] : [])),
    ],
    inFoldersPlace: folders.flatMap(({ path: name }) => {
      const entry = there.get(name);
      return entry && entry.type !== 'd' ? [entry] : [];
    }),
    foldersInPlace: [...files, ...links].map((entry) => entry.path).filter((name) => there.get(name)?.type === 'd'),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Names for a program that takes them from its input, each with a zero byte behind it. */
export const nameList = (entries: readonly Entry[]): string => entries.map(({ path: name }) => `./${name}\0`).join('');

/** A file of the state folder as it is: its hash, or where it leads if it is a link. */
export interface Sealed {
  /** SHA-256; missing of a link, and of a file that its writer could not read again. */
  sha256?: string;
  link?: string;
  mode: number;
  uid: number;
}

/** What a look at the folder has found. Neither says that something is not there. */
export interface Found {
  files: Readonly<Record<string, Sealed>>;
  /** Folders that could not be looked into: nothing is known of what is in them. */
  closed: readonly string[];
  /** Of files that cannot be read: what differs once one is written or replaced. */
  unread?: Readonly<Record<string, string>>;
}

/** `sealed.json`: the files as the last command has left them. */
export interface Seal {
  at: string;
  command: string;
  files: Readonly<Record<string, Sealed>>;
}

export interface Difference {
  path: string;
  what: 'changed' | 'removed' | 'added' | 'mode' | 'owner';
  /** Of modes and owners: what it was and what it is. */
  from?: string;
  to?: string;
}

const isSealed = (value: unknown): boolean => {
  const { mode, uid } = (value ?? {}) as Partial<Sealed>;
  return typeof mode === 'number' && typeof uid === 'number';
};

const isFiles = (files: unknown): boolean => typeof files === 'object' && files !== null && Object.values(files).every(isSealed);

export const isSeal = (value: unknown): boolean => {
  const { at, command, files } = (value ?? {}) as Partial<Seal>;
  return typeof at === 'string' && typeof command === 'string' && isFiles(files);
};

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

const content = ({ sha256, link }: Sealed): string | undefined => sha256 ?? (link === undefined ? undefined : `-> ${link}`);

/** What of a file differs; undefined where it is the same, or only its mode and owner can be compared and are. */
function difference(path: string, was: Sealed | undefined, now: Sealed | undefined): Difference | undefined {
  if (!was) return now && { path, what: 'added' };
  if (!now) return { path, what: 'removed' };
  const [before, after] = [content(was), content(now)];
  if (before !== undefined && after !== undefined && before !== after) return { path, what: 'changed' };
  if (was.mode !== now.mode) return { path, what: 'mode', from: octal(was.mode), to: octal(now.mode) };
  return was.uid === now.uid ? undefined : { path, what: 'owner', from: String(was.uid), to: String(now.uid) };
}

/** Rendered files: the manifest tells which are not as they were written (`drift`), and knows nothing of one that was added. */
const RENDERED = /^config\/[^/]+\/[^/]+\//;

/** What differs from the seal, by path. What could not be looked at differs in nothing. */
export function differences(sealed: Readonly<Record<string, Sealed>>, { files, closed }: Found): Difference[] {
  const isUnknown = (path: string) => closed.some((folder) => path.startsWith(`${folder}/`));
  return [...new Set([...Object.keys(sealed), ...Object.keys(files)])]
    .sort()
    .filter((path) => !isUnknown(path))
    .flatMap((path) => difference(path, sealed[path], files[path]) ?? [])
    .filter(({ path, what }) => what === 'added' || !RENDERED.test(path));
}

/**
 * The files that are sealed when a command ends: as it has left them. What differed when it began, and it has not written, stays sealed as it
 * was, so that a job of the night does not hide a change; `accepts` seals that, too.
 * @param before the seal that the command has found; undefined if there is none, or the command before was killed
 */
export function sealedAfter(
  before: Readonly<Record<string, Sealed>> | undefined,
  begun: Found,
  ended: Found,
  accepts: boolean,
): Record<string, Sealed> {
  const files = { ...ended.files };
  for (const [path, was] of Object.entries(before ?? {}))
    if (ended.closed.some((folder) => path.startsWith(`${folder}/`))) files[path] = was;
  // A hash that root has sealed is not lost by a command that cannot read the file, and has not written it.
  for (const [path, { sha256 }] of Object.entries(before ?? {}))
    if (sha256 !== undefined && files[path] && ended.unread?.[path] !== undefined && ended.unread[path] === begun.unread?.[path])
      files[path] = { ...files[path], sha256 };
  for (const { path } of before && !accepts ? differences(before, begun) : []) {
    if (JSON.stringify(begun.files[path]) !== JSON.stringify(ended.files[path])) continue;
    const was = before?.[path];
    if (was) files[path] = was;
    else delete files[path];
  }
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `secrets.json: changed`, `ca/root.json: mode 0644 instead of 0600`. */
export const describeDifference = ({ path, what, from, to }: Difference): string =>
  what === 'mode' || what === 'owner' ? `${path}: ${what} ${to} instead of ${from}` : `${path}: ${what}`;

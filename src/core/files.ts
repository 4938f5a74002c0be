import {
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { systemCode, UserError } from './errors.ts';
import { userName } from './user.ts';
import { type Elsewhere, readingFix, writingFix } from './writing-fix.ts';

/** Runs a write; a full disk, a read-only or foreign folder become an error that says that the old files are untouched. */
export function writing<T>(target: string, write: () => T, elsewhere: Elsewhere = 'with --state'): T {
  try {
    return write();
  } catch (error) {
    const code = systemCode(error);
    const fix = writingFix(code, elsewhere);
    if (!fix) throw error;
    throw new UserError('STATE_UNWRITABLE', `${target} cannot be written (${code}); what was there before is untouched`, fix, {
      path: target,
      cause: error,
    });
  }
}

/** Writes a file whole or not at all: a temporary one beside it, fsync, rename (rename(2) is atomic). */
export function writeAtomic(file: string, contents: string | Buffer, mode = 0o644, elsewhere: Elsewhere = 'with --state'): void {
  replace(file, (temporary) => writeSynced(temporary, contents, mode), elsewhere);
  writing(file, () => syncFolder(path.dirname(file)), elsewhere);
}

/** The same for what is soon written again: readers find it whole, but after a power cut it may be the one before, or empty. */
export const writeUnsynced = (file: string, contents: string): void =>
  replace(file, (temporary) => writeFileSync(temporary, contents, { mode: 0o644, flag: 'wx' }), 'with --state');

function replace(file: string, fill: (temporary: string) => void, elsewhere: Elsewhere): void {
  const write = () => {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    const temporary = `${file}.${process.pid}.tmp`;
    try {
      fill(temporary);
      renameSync(temporary, file);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  };
  writing(file, write, elsewhere);
}

/**
 * Writes a folder whole or not at all. Names are content hashes, so an existing one is left as it is; what was taken out
 * of it since comes back.
 */
export function writeFolder(folder: string, files: readonly { path: string; contents: string; mode: number }[]): void {
  if (exists(folder)) {
    for (const file of files)
      if (!exists(path.join(folder, file.path))) writeAtomic(path.join(folder, file.path), file.contents, file.mode);
    return;
  }
  writing(folder, () => {
    const temporary = `${folder}.${process.pid}.tmp`;
    rmSync(temporary, { recursive: true, force: true });
    try {
      for (const file of files) {
        const target = path.join(temporary, file.path);
        mkdirSync(path.dirname(target), { recursive: true, mode: 0o755 });
        writeSynced(target, file.contents, file.mode);
      }
      syncFolder(temporary);
      renameSync(temporary, folder);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
    syncFolder(path.dirname(folder));
  });
}

/** Removes a file or folder, if it is there; a link is removed, and not what it leads to. @throws UserError PARTIAL */
export function removeTree(target: string): void {
  try {
    rmSync(target, { recursive: true, force: true });
  } catch (error) {
    const code = systemCode(error);
    if (!code) throw error;
    throw new UserError(
      'PARTIAL',
      `${target} cannot be removed (${code})`,
      'run the same command again as its owner, or as root: it continues',
      { path: target, cause: error },
    );
  }
}

/** Points a symbolic link to another target in one step: a reader sees the old one or the new one, never none. */
export function switchLink(link: string, target: string): void {
  writing(link, () => {
    const temporary = `${link}.${process.pid}.tmp`;
    rmSync(temporary, { force: true });
    symlinkSync(target, temporary);
    renameSync(temporary, link);
    syncFolder(path.dirname(link));
  });
}

/** Where a link leads; undefined where there is none, or something else stands there. @throws UserError as `exists` */
export function readLink(link: string): string | undefined {
  return optional(link, () => readlinkSync(link), [...ABSENT, 'EINVAL']);
}

/** The text of a file; undefined where there is none. @throws UserError as `exists`, and for what is no file or leads to none: see `readingFix` */
export function readOptional(file: string): string | undefined {
  return optional(file, () => {
    const there = statSync(file, { throwIfNoEntry: false });
    const code = there === undefined ? readLink(file) && 'ENOLINK' : there.isFile() || there.isDirectory() ? undefined : 'ENXIO';
    // As systemd masks a unit: a link to what has an end.
    const isEmpty = code === 'ENXIO' && realpathSync(file) === '/dev/null';
    if (code === undefined || isEmpty || /^\/(?:dev|proc)\//.test(file)) return readFileSync(file, 'utf8');
    throw Object.assign(new Error(`${file} is no file`), { code });
  });
}

/** What a path leads to, links followed; undefined where there is nothing. @throws UserError as `exists` */
export function statOptional(file: string): Stats | undefined {
  return optional(file, () => statSync(file));
}

/** What stands at a path itself, be it a link; undefined where there is nothing. @throws UserError as `exists` */
export function lstatOptional(file: string): Stats | undefined {
  return optional(file, () => lstatSync(file));
}

/**
 * Whether something stands at a path, be it a link that leads nowhere. False is proof: nothing is there. `existsSync` of Node says
 * false also of what it may not look at.
 * @throws UserError STATE_UNWRITABLE where it cannot be told, with the owner of what is in the way
 */
export function exists(file: string): boolean {
  return lstatOptional(file) !== undefined;
}

/** Who owns a path, as far as it can be seen. */
export interface Ownership {
  /** The path itself, or the nearest folder above it that can be looked at. */
  path: string;
  uid: number;
  /** The user's name; undefined where this host knows none. */
  user: string | undefined;
  /** For people: `maria (uid 1000)`. */
  owner: string;
}

export function ownership(file: string): Ownership {
  for (let seen = path.resolve(file); ; seen = path.dirname(seen)) {
    try {
      const { uid } = lstatSync(seen);
      const user = userName(uid);
      return { path: seen, uid, user, owner: user === undefined ? `uid ${uid}` : `${user} (uid ${uid})` };
    } catch (error) {
      if (seen === path.dirname(seen)) throw error;
    }
  }
}

/**
 * A link in this folder, or in a folder in it, that leads out of it: what is written or removed through it belongs to somebody
 * else's. Links to single files (an operator's own override) are left to them.
 */
export function linkLeadingOut(folder: string): { link: string; target: string } | undefined {
  const root = realpathSync(folder);
  const look = (within: string, deeper: number): { link: string; target: string } | undefined => {
    for (const entry of optional(within, () => readdirSync(within, { withFileTypes: true })) ?? []) {
      const name = path.join(within, entry.name);
      if (entry.isSymbolicLink()) {
        const target = optional(name, () => realpathSync(name));
        const leaves = target !== undefined && !`${target}/`.startsWith(`${root}/`);
        if (leaves && lstatSync(target).isDirectory()) return { link: name, target };
      }
      const found = entry.isDirectory() && deeper > 0 ? look(name, deeper - 1) : undefined;
      if (found) return found;
    }
    return undefined;
  };
  return look(root, 1);
}

/** Codes that prove that nothing stands at a path: the last part of it is missing, or a part before it is no folder. */
const ABSENT: readonly string[] = ['ENOENT', 'ENOTDIR'];

/** The value, or undefined where there is no such file. Any other failure says nothing about that. @throws UserError STATE_UNWRITABLE */
function optional<T>(file: string, read: () => T, absent = ABSENT): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (absent.includes(code)) return undefined;
    const { path: seen, user, owner } = ownership(file);
    throw new UserError(
      'STATE_UNWRITABLE',
      `${file} cannot be read (${code}): ${seen} belongs to ${owner}`,
      readingFix(code, user ?? owner),
      { path: file, cause: error },
    );
  }
}

function writeSynced(file: string, contents: string | Buffer, mode: number): void {
  const handle = openSync(file, 'wx', mode);
  try {
    // Not writeSync: on a disk that is nearly full it writes a part, and reports no error.
    writeFileSync(handle, contents);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Has the names in a folder on its disk. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

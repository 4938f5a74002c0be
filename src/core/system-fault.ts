import path from 'node:path';
import { systemCode, UserError } from './errors.ts';
import { ownership } from './files.ts';
import { readingFix } from './writing-fix.ts';

/** What the kernel says of a path that cannot be used as it was meant, and what to do. */
const FAULTS: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  ENOENT: [
    'does not exist',
    'create it, or correct what names it; a file of medianest itself comes back when medianest is installed again',
  ],
  ENOTDIR: ['has a file in its path where a folder should be', 'move that file away, or correct what names the path'],
  EISDIR: ['is a folder where a file should be', 'move it away, or correct what names it'],
  ENOTEMPTY: ['is a folder that still holds something', 'move what is in it away'],
  EEXIST: ['is there already', 'move it away'],
  ELOOP: ['is a link that leads to itself', 'remove or correct the link'],
  ENAMETOOLONG: ['has too long a name', 'choose a shorter one'],
  ENOSPC: ['cannot be written: the disk is full', 'free some space (df -h shows how much there is), then run the same command again'],
  EDQUOT: ['cannot be written: your disk quota is used up', 'free some space, then run the same command again'],
  EROFS: ['cannot be written: its file system is read-only', 'mount it writable, or choose another place'],
  EIO: ['cannot be read: its disk fails', 'see what dmesg says of the disk'],
  EBUSY: ['is in use', 'see what uses it (a mount, another program), and end that'],
  EMFILE: ['cannot be opened: this process has too many open files', 'raise the limit: ulimit -n 4096'],
  ENFILE: ['cannot be opened: this host has too many open files', 'raise fs.file-max, or end what has them open'],
};

const FORBIDDEN: readonly string[] = ['EACCES', 'EPERM'];

/** A failed system call about a path, as a person can act on it: what, where, whose, and the fix. Any other error as it is. */
export function explained(error: unknown): unknown {
  if (error instanceof UserError) return error;
  const code = systemCode(error);
  if (code === undefined) return error;
  const { path: file, syscall = '', dest } = error as { path?: string; syscall?: string; dest?: string };
  if (syscall === '') return error;
  const told = (message: string, fix: string) =>
    new UserError('FILE_UNUSABLE', message, fix, { ...(file && { path: file }), cause: error });
  if (syscall === 'uv_cwd')
    return told(
      `the working folder cannot be used (${code}): it was removed, or may not be entered`,
      'cd to another folder, and run it again',
    );
  if (syscall.startsWith('spawn') && (code === 'ENOENT' || FORBIDDEN.includes(code)))
    return told(`the program ${file ?? ''} cannot be started (${code})`, 'install it, or see that it is in PATH and executable');
  if (FORBIDDEN.includes(code) && file !== undefined) {
    const { path: seen, user, owner } = ownership(file);
    return told(`${file} cannot be used (${code}): ${seen} belongs to ${owner}`, readingFix(code, user ?? owner));
  }
  const known = FAULTS[code];
  if (!known) return error;
  const [what, fix] = known;
  const place = file === undefined ? 'a file' : path.resolve('/', file) === file ? file : `${file} (relative to the working folder)`;
  return told(`${place}${dest ? ` (to ${dest})` : ''} ${what} (${code})`, fix);
}

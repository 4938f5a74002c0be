import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { systemCode } from '../../core/errors.ts';
import { statOptional } from '../../core/files.ts';

/** A flood is read in parts, one in each round. */
const PART = 256 * 1024;
/** sshd writes no line of this length. */
const LONGEST_LINE = 8 * 1024;

/** Reads what is appended to a file, from the end that it has at first, through its rotation: by a new file, or by cutting it. */
export class FollowedFile {
  private fd: number | undefined;
  private offset = 0;
  private rest = '';
  private first = true;

  constructor(private readonly file: string) {}

  /** @returns the lines that are whole. @throws the error of the file where it cannot be read, or is not there */
  lines(): string[] {
    const found: string[] = [];
    const there = statOptional(this.file);
    if (this.fd !== undefined) {
      const old = fstatSync(this.fd);
      const replaced = there !== undefined && (there.ino !== old.ino || there.dev !== old.dev);
      if (old.size < this.offset) this.offset = 0;
      found.push(...this.part(this.fd));
      // What was written into the old file before it was put aside comes first.
      if (replaced && this.offset >= fstatSync(this.fd).size) this.close();
    }
    if (this.fd === undefined) {
      const { first } = this;
      this.first = false;
      // Not waiting where it is no file, but a pipe.
      this.fd = openSync(this.file, constants.O_RDONLY | constants.O_NONBLOCK);
      // A file that was not there before is read from its beginning.
      this.offset = first ? fstatSync(this.fd).size : 0;
      this.rest = '';
      found.push(...this.part(this.fd));
    }
    return found;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private part(fd: number): string[] {
    const buffer = Buffer.alloc(PART);
    const count = readSync(fd, buffer, 0, PART, this.offset);
    this.offset += count;
    const lines = `${this.rest}${buffer.toString('latin1', 0, count)}`.split('\n');
    this.rest = (lines.pop() ?? '').slice(0, LONGEST_LINE);
    return lines;
  }
}

/** `ENOENT`, for a person. */
export const whyUnread = (file: string, error: unknown): string => `${file} cannot be read (${systemCode(error) ?? 'unknown'})`;

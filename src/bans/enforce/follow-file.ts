import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { systemCode } from '../../core/errors.ts';

/** A flood is read in parts. */
const PART = 256 * 1024;
/** sshd writes no line of this length. */
const LONGEST_LINE = 8 * 1024;

/** Reads what is appended to a file, from the end that it has at first, through its rotation: by a new file, or by cutting it. */
export class FollowedFile {
  /** Whether there was more than one part to read. */
  behind = false;
  private fd: number | undefined;
  /** The file that was read last. */
  private known: { dev: number; ino: number } | undefined;
  private offset = 0;
  /** The beginning of a line that is not whole yet; undefined while one is too long. */
  private rest: string | undefined = '';
  private first = true;

  constructor(private readonly file: string) {}

  /** @returns the lines that are whole, of one part. @throws the error of the file where it cannot be read, or is not there */
  lines(): string[] {
    const found: string[] = [];
    const there = statSync(this.file, { throwIfNoEntry: false });
    if (this.fd !== undefined) {
      const old = fstatSync(this.fd);
      const replaced = there !== undefined && (there.ino !== old.ino || there.dev !== old.dev);
      if (old.size < this.offset) this.goTo(0);
      found.push(...this.part(this.fd));
      // What was written into the old file before it was put aside comes first.
      if (replaced && this.offset >= fstatSync(this.fd).size) this.close();
    }
    if (this.fd === undefined) {
      try {
        this.fd = this.open();
        found.push(...this.part(this.fd));
      } catch (error) {
        // What the file before still had is not lost with it; the next call tells of this one.
        if (found.length === 0) throw error;
        this.behind = false;
      }
    }
    return found;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  /** One that could not be read for a while is read on from where that began: what is in it was counted. */
  private open(): number {
    let fd: number;
    try {
      // Not waiting where it is no file, but a pipe.
      fd = openSync(this.file, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      // A file that was not there before is read from its beginning.
      if (systemCode(error) === 'ENOENT') this.first = false;
      throw error;
    }
    const { dev, ino, size } = fstatSync(fd);
    if (this.known?.dev !== dev || this.known.ino !== ino) this.goTo(this.first ? size : 0);
    else if (size < this.offset) this.goTo(0);
    this.known = { dev, ino };
    this.first = false;
    return fd;
  }

  private goTo(offset: number): void {
    this.offset = offset;
    this.rest = '';
  }

  private part(fd: number): string[] {
    const buffer = Buffer.alloc(PART);
    const count = readSync(fd, buffer, 0, PART, this.offset);
    this.offset += count;
    this.behind = count === PART;
    const [begin = '', ...others] = buffer.toString('latin1', 0, count).split('\n');
    const lines = [this.rest === undefined ? undefined : this.rest + begin, ...others];
    const rest = lines.pop();
    // Of a line that is too long, nothing is taken: neither its beginning nor its end tells what it is.
    this.rest = rest !== undefined && rest.length <= LONGEST_LINE ? rest : undefined;
    return lines.flatMap((line) => (line !== undefined && line.length <= LONGEST_LINE ? [line] : []));
  }
}

/** `ENOENT`, for a person. */
export const whyUnread = (file: string, error: unknown): string => `${file} cannot be read (${systemCode(error) ?? 'unknown'})`;

import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { systemCode } from '../../core/errors.ts';
import type { Journal, SizedSegment } from './journal.ts';
import type { Waiting } from './plan/bulk.ts';
import { documentsIn, firstMoment, type Position, positionOf } from './plan/position.ts';

/** Bytes of documents in one request; a single larger one is sent alone. */
const PIECE = 1024 ** 2;

/** The lines on disk that the store does not have yet. */
export class LogQueue {
  /** When the first line that waits was written, in milliseconds since 1970. */
  oldest: number | undefined;
  private readonly journal: Journal;
  private readonly file: string;
  private position: Position;

  private constructor(journal: Journal, file: string, position: Position) {
    this.journal = journal;
    this.file = file;
    this.position = position;
  }

  static async open(journal: Journal, file: string): Promise<LogQueue> {
    const text = await readFile(file, 'utf8').catch((error) => {
      if (systemCode(error) === 'ENOENT') return '';
      throw error;
    });
    const position = positionOf(text);
    // One beyond the lines on disk is of lines that a fault has taken away: numbers have begun again since.
    return new LogQueue(journal, file, position && (await isWithin(journal, position)) ? position : { segment: 0, offset: 0 });
  }

  /** The next documents, and the position after them; undefined where all are sent. What is sent as a whole is removed. */
  async next(): Promise<{ documents: Waiting[]; after: Position } | undefined> {
    for (const segment of await this.journal.segments()) {
      if (segment.number < this.position.segment) {
        await this.journal.remove(segment);
        continue;
      }
      const offset = segment.number === this.position.segment ? this.position.offset : 0;
      const end = this.journal.lengthOf(segment.number) ?? segment.bytes;
      const { documents, length } = await this.read(segment, offset, end);
      const after = { segment: segment.number, offset: offset + length };
      if (documents.length > 0) {
        this.oldest = firstMoment(documents);
        return { documents, after };
      }
      if (this.journal.lengthOf(segment.number) !== undefined) break;
      await this.journal.remove(segment);
    }
    this.oldest = undefined;
    return undefined;
  }

  private async read({ name }: SizedSegment, from: number, end: number): Promise<{ documents: Waiting[]; length: number }> {
    const handle = await open(this.journal.pathOf(name), 'r');
    try {
      for (let size = PIECE; ; size *= 4) {
        const bytes = Buffer.alloc(Math.min(size, end - from));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
        const found = documentsIn(bytes.subarray(0, bytesRead));
        if (found.documents.length > 0 || from + size >= end) return found;
      }
    } finally {
      await handle.close();
    }
  }

  /**
   * Not synced: an older position sends some again, and the store has them already.
   * @throws where it cannot be written; it counts all the same, as on a full disk it is what makes space
   */
  async acknowledge(after: Position): Promise<void> {
    this.position = after;
    await writeFile(`${this.file}.tmp`, JSON.stringify(after));
    await rename(`${this.file}.tmp`, this.file);
  }

  /** Bytes that wait. */
  async bytes(): Promise<number> {
    const segments = await this.journal.segments();
    const waiting = segments.filter(({ number }) => number >= this.position.segment).reduce((sum, { bytes }) => sum + bytes, 0);
    return waiting - (segments.some(({ number }) => number === this.position.segment) ? this.position.offset : 0);
  }

  /** Removes the oldest segments until what waits fits; the one that is being sent and the one that is written to stay. @returns lines that are lost */
  async dropTo(limit: number, sending: number | undefined): Promise<number> {
    let lost = 0;
    for (const segment of (await this.journal.segments()).slice(0, -1)) {
      if ((await this.bytes()) <= limit) break;
      if (segment.number === sending || segment.number < this.position.segment) continue;
      const bytes = await readFile(this.journal.pathOf(segment.name));
      const from = segment.number === this.position.segment ? this.position.offset : 0;
      lost += documentsIn(bytes.subarray(from), Number.POSITIVE_INFINITY).documents.length;
      await this.journal.remove(segment);
    }
    return lost;
  }
}

async function isWithin(journal: Journal, { segment, offset }: Position): Promise<boolean> {
  const segments = await journal.segments();
  const own = segments.find(({ number }) => number === segment);
  const end = own && (journal.lengthOf(segment) ?? own.bytes);
  return end === undefined ? segment <= (segments.at(-1)?.number ?? 0) : offset <= end;
}

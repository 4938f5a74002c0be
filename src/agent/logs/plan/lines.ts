import type { Frame } from './frames.ts';

/** A whole line. */
export interface Line {
  stream: 'stdout' | 'stderr';
  /** When it began, with nine digits. */
  time: string;
  text: string;
  /** How many bytes it had, where not all of them are in `text`. */
  cutFrom?: number;
}

/** Bytes of a line that are kept. */
export const LONGEST_LINE = 1024 ** 2;

interface Part {
  time: string;
  pieces: Buffer[];
  kept: number;
  bytes: number;
}

/** Joins the parts of long lines, for each stream of one container. Bytes that are no UTF-8 become U+FFFD. */
export class LineJoiner {
  private readonly parts = new Map<number, Part>();

  /** Whether a line has begun that has not ended. */
  get unfinished(): boolean {
    return this.parts.size > 0;
  }

  /** @returns the line that ends with this frame, if one does */
  add({ stream, time, text }: Frame): Line | undefined {
    const ends = text[text.length - 1] === NEWLINE;
    const begun = this.parts.size > 0 ? this.parts.get(stream) : undefined;
    if (ends && !begun && text.length <= LONGEST_LINE) return lineOf(stream, time, text, text.length - 1);
    const piece = ends ? text.subarray(0, -1) : text;
    const part = begun ?? { time, pieces: [], kept: 0, bytes: 0 };
    const taken = piece.subarray(0, LONGEST_LINE - part.kept);
    // A copy: a view would keep the chunk that it came in.
    if (taken.length > 0) part.pieces.push(Buffer.from(taken));
    part.kept += taken.length;
    part.bytes += piece.length;
    this.parts.set(stream, part);
    if (!ends) return undefined;
    this.parts.delete(stream);
    const line = lineOf(stream, part.time, Buffer.concat(part.pieces), part.kept);
    return part.bytes > part.kept ? { ...line, cutFrom: part.bytes } : line;
  }
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

function lineOf(stream: number, time: string, bytes: Buffer, length: number): Line {
  const end = length > 0 && bytes[length - 1] === RETURN ? length - 1 : length;
  return { stream: stream === 2 ? 'stderr' : 'stdout', time, text: bytes.toString('utf8', 0, end) };
}

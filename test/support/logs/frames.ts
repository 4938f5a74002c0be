/** What a container has written, as the engine sends it: a piece of at most 16 KiB with its time, in a frame (Docker Engine API). */

const PIECE = 16 * 1024;

/** @param second since the start of an hour @param nanos below one second */
export const moment = (second: number, nanos = 0): string =>
  `${new Date(Date.UTC(2026, 10, 30, 4, 0, second)).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;

function frame(stream: number, time: string, text: Buffer): Buffer {
  const piece = Buffer.concat([Buffer.from(`${time} `), text]);
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(piece.length, 4);
  return Buffer.concat([head, piece]);
}

/** A line, in as many pieces as the engine makes of it: all have the time of the first. */
export function pieces(time: string, text: string | Buffer, stream = 1): Buffer[] {
  const bytes = Buffer.concat([Buffer.from(text), Buffer.from('\n')]);
  const count = Math.ceil(bytes.length / PIECE);
  return Array.from({ length: count }, (_, index) => frame(stream, time, bytes.subarray(index * PIECE, (index + 1) * PIECE)));
}

export const line = (time: string, text: string | Buffer, stream = 1): Buffer => Buffer.concat(pieces(time, text, stream));

/** One piece of output as the engine keeps it: a line, or a part of a long one. */
export interface Frame {
  /** 1 is stdout, 2 is stderr. */
  stream: number;
  /** RFC 3339 with nine digits, as the engine writes it in front. */
  time: string;
  /** Without the time in front; ends with a newline where the line ends here. */
  text: Buffer;
}

/** The engine's answer is no multiplexed stream: what follows cannot be told apart. */
export class NotFramed extends Error {}

const HEAD = 8;
/** The engine's parts have 16 KiB; a driver of another kind may have larger ones. */
const LONGEST = 4 * 1024 ** 2;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
const TIME_BYTES = 30;

/**
 * Splits what `/containers/NAME/logs?timestamps=1` sends: for each piece 8 bytes (the stream, three zeros, the length as a
 * big-endian number) and the piece (Docker Engine API, "Stream format").
 * @param rest what the last call left over
 * @throws NotFramed where it is something else, as of a container with a terminal
 */
export function splitFrames(rest: Buffer, chunk: Buffer): { frames: Frame[]; rest: Buffer } {
  const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
  const frames: Frame[] = [];
  let at = 0;
  while (bytes.length - at >= HEAD) {
    const stream = bytes[at] as number;
    const length = bytes.readUInt32BE(at + 4);
    if (stream > 2 || (bytes.readUInt32BE(at) & 0xffffff) !== 0 || length > LONGEST) throw new NotFramed('the engine sent no frames');
    if (bytes.length - at < HEAD + length) break;
    frames.push(frameOf(stream, bytes, at + HEAD, at + HEAD + length));
    at += HEAD + length;
  }
  // A copy: a view would keep the whole chunk in memory.
  return { frames, rest: at === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at)) };
}

function frameOf(stream: number, bytes: Buffer, start: number, end: number): Frame {
  const text = start + TIME_BYTES + 1;
  const time = bytes.toString('latin1', start, Math.min(text - 1, end));
  if (text > end || bytes[text - 1] !== 0x20 || !TIME.test(time)) throw new NotFramed('the engine sent a line without its time');
  return { stream, time, text: bytes.subarray(text, end) };
}

import { createHash } from 'node:crypto';
import type { Cursor } from './cursor.ts';

/**
 * The journal of lines is a row of files, its segments. A segment has batches: documents, one a line, and a line that commits
 * them with the cursors that they lead to. What a killed process has left without that line was not taken: the engine is asked
 * for it again. So lines and cursors are kept in one step, and each line once.
 */

/** Container -> up to where its lines were taken. */
export type Cursors = Readonly<Record<string, Cursor>>;

interface Commit {
  lines: number;
  /** Over the documents of the batch. */
  sum: string;
  cursors: Cursors;
}

const COMMIT = Buffer.from('{"commit":');

const sumOf = (documents: Buffer): string => createHash('sha1').update(documents).digest('base64url').slice(0, 16);

/** @param documents each a line of JSON without its end @param cursors of the containers whose lines are in it */
export function batchOf(documents: readonly string[], cursors: Cursors): Buffer {
  const body = Buffer.from(documents.length > 0 ? `${documents.join('\n')}\n` : '');
  const commit: Commit = { lines: documents.length, sum: sumOf(body), cursors };
  return Buffer.concat([body, Buffer.from(`${JSON.stringify({ commit })}\n`)]);
}

export const isCommit = (line: Buffer | string): boolean =>
  typeof line === 'string' ? line.startsWith('{"commit":') : line.subarray(0, COMMIT.length).equals(COMMIT);

/** What is good of a segment. */
export interface Scanned {
  /** Bytes up to the end of the last whole batch. */
  length: number;
  cursors: Record<string, Cursor>;
  lines: number;
}

/** Reads a segment up to the first batch that is not whole. */
export function scanSegment(bytes: Buffer): Scanned {
  const found: Scanned = { length: 0, cursors: {}, lines: 0 };
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    if (end === -1) break;
    if (isCommit(bytes.subarray(at, end))) {
      const commit = commitOf(bytes.toString('utf8', at, end));
      if (!commit || commit.sum !== sumOf(bytes.subarray(found.length, at))) break;
      Object.assign(found.cursors, commit.cursors);
      found.lines += commit.lines;
      found.length = end + 1;
    }
    at = end + 1;
  }
  return found;
}

function commitOf(text: string): Commit | undefined {
  try {
    return (JSON.parse(text) as { commit: Commit }).commit;
  } catch {
    return undefined;
  }
}

const NAME = /^(\d{4}-\d\d-\d\dT\d\d)-(\d{6,})\.ndjson(\.gz)?$/;

/** One file of the journal. */
export interface Segment {
  name: string;
  /** The hour in which it was begun: `2026-11-30T04`. */
  hour: string;
  /** Numbers go up for ever, whatever the clock does. */
  number: number;
  compressed: boolean;
}

export const segmentName = (hour: string, number: number): string => `${hour}-${String(number).padStart(6, '0')}.ndjson`;

export const hourOf = (at: number): string => new Date(at).toISOString().slice(0, 13);

/** The segments among the names of a folder, the oldest first. One that is there in both forms is the compressed one: its other form is waste. */
export function segmentsOf(names: readonly string[]): { segments: Segment[]; waste: string[] } {
  const found = names.flatMap((name) => {
    const [, hour, number, gz] = NAME.exec(name) ?? [];
    return hour === undefined ? [] : [{ name, hour, number: Number(number), compressed: gz !== undefined }];
  });
  const whole = new Set(found.filter(({ compressed }) => compressed).map(({ number }) => number));
  const waste = found.filter(({ compressed, number }) => !compressed && whole.has(number)).map(({ name }) => name);
  const unfinished = names.filter((name) => name.endsWith('.tmp'));
  return {
    segments: found.filter(({ name }) => !waste.includes(name)).sort((a, b) => a.number - b.number),
    waste: [...waste, ...unfinished],
  };
}

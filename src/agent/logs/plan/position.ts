import { type Waiting, waitingOf } from './bulk.ts';
import { isCommit } from './segment.ts';

/** Up to where the store has acknowledged lines: a segment, and bytes of it. */
export interface Position {
  segment: number;
  offset: number;
}

/** A position as it was written to disk; undefined where it is none, as of a disk that lost it: then all is sent again. */
export function positionOf(text: string): Position | undefined {
  try {
    const { segment, offset } = JSON.parse(text) as Partial<Position>;
    return Number.isSafeInteger(segment) && Number.isSafeInteger(offset)
      ? { segment: segment as number, offset: offset as number }
      : undefined;
  } catch {
    return undefined;
  }
}

/** What one request sends at most. */
const MOST_DOCUMENTS = 2_000;

/**
 * The documents at the beginning of a piece of a segment.
 * @param most documents
 * @returns them, and the bytes that they take with all that is no document; 0 where not even one line is whole
 */
export function documentsIn(bytes: Buffer, most = MOST_DOCUMENTS): { documents: Waiting[]; length: number } {
  const documents: Waiting[] = [];
  let at = 0;
  while (documents.length < most) {
    const end = bytes.indexOf(0x0a, at);
    if (end === -1) break;
    const line = bytes.subarray(at, end);
    const document = isCommit(line) ? undefined : waitingOf(line.toString('utf8'));
    if (document) documents.push(document);
    at = end + 1;
  }
  return { documents, length: at };
}

/** When the first document of a piece was written by its container, in milliseconds since 1970. */
export function firstMoment(documents: readonly Waiting[]): number | undefined {
  const time = documents[0] && /"@timestamp":"([^"]+)"/.exec(documents[0].text)?.[1];
  return time === undefined ? undefined : Date.parse(time);
}

/** Which WAL an archive holds: what the set needs, or also what came after it. Segments have 24 digits: timeline, log, part. */
export interface WalRange {
  first: string;
  last: string;
  rest: boolean;
}

const timelineOf = (name: string): string => name.slice(0, 8);
/** Without the timeline, which may change on the way. */
const positionOf = (name: string): string => name.slice(8, 24);

/** @param name of a file of the archive: a segment, or a timeline’s history, which the way to a later timeline is in */
export function belongsTo({ first, last, rest }: WalRange, name: string): boolean {
  if (name.endsWith('.history')) return rest || timelineOf(name) <= timelineOf(last);
  if (positionOf(name) < positionOf(first)) return false;
  return rest || (name.slice(0, 24) <= last && positionOf(name) <= positionOf(last));
}

const PARTS_OF_A_LOG = 256;
const numberOf = (segment: string): number =>
  Number.parseInt(segment.slice(8, 16), 16) * PARTS_OF_A_LOG + Number.parseInt(segment.slice(16, 24), 16);

/** How many segments of the set are in none of these files, whatever their timeline. @param names that belong to it */
export function missingSegments({ first, last }: WalRange, names: readonly string[]): number {
  const found = new Set(names.filter((name) => /^[0-9A-F]{24}-/.test(name) && positionOf(name) <= positionOf(last)).map(positionOf));
  return Math.max(0, numberOf(last) - numberOf(first) + 1 - found.size);
}

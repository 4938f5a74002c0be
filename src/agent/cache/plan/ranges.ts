import { type Range, SLOTS } from './types.ts';

/** Sorted, without overlaps, neighbours joined. */
export function union(ranges: readonly Range[]): Range[] {
  const joined: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** Every slot that is in none of them. */
export function complement(ranges: readonly Range[]): Range[] {
  const gaps: Range[] = [];
  let next = 0;
  for (const [first, last] of union(ranges)) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next < SLOTS) gaps.push([next, SLOTS - 1]);
  return gaps;
}

export const intersect = (a: readonly Range[], b: readonly Range[]): Range[] => complement([...complement(a), ...complement(b)]);

export const overlap = (a: readonly Range[], b: readonly Range[]): boolean => intersect(a, b).length > 0;

export const count = (ranges: readonly Range[]): number => ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);

export const text = (ranges: readonly Range[]): string =>
  ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(' ');

/** The part of all slots that the first masters begin with. */
export const share = (index: number, masters: number): Range => [
  Math.round((index * SLOTS) / masters),
  Math.round(((index + 1) * SLOTS) / masters) - 1,
];

/** What `copies status` prints of each copy (`parseCopies` in plan/copies.ts reads it). */
export const FACTS = [
  'since',
  'newest',
  'labels',
  'wal-success',
  'wal-error',
  'wal-tried',
  'sets-success',
  'sets-error',
  'sets-tried',
  'bytes',
  'free',
  'measured',
] as const;

/**
 * `NAME FACT VALUE` a line; a fact that is empty or not known has none.
 * @param want what the copy is to hold, and @param done what it held when sets were last all sent; undefined where there is none
 */
export function statusLines(
  name: string,
  facts: Readonly<Record<string, string | undefined>>,
  want: string | undefined,
  done: string | undefined,
): string[] {
  const lines = FACTS.flatMap((fact) => {
    const value = facts[fact];
    return value ? [`${name} ${fact} ${value.replaceAll('\n', ' ')}`] : [];
  });
  return want === undefined || want === done ? [...lines, `${name} complete yes`] : lines;
}

/** In seconds, as facts have it. */
export const factTime = (now: Date): string => now.toISOString().replace(/\.\d+Z$/, 'Z');

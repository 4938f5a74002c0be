import { baseName } from './wal.ts';

/** Files that were fetched, in the order in which they go to their place: a label’s manifest says that the label is whole. */
export function arrivalOrder(paths: readonly string[]): string[] {
  const rank = (path: string): number => ['backup.manifest.copy', 'backup.manifest'].indexOf(baseName(path));
  return [...paths].sort((a, b) => rank(a) - rank(b));
}

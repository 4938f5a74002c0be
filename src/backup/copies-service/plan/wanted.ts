/** What a copy is to hold (`wantText` in plan/copies.ts writes it). */
export interface Wanted {
  /** The first segment of WAL that a set needs. */
  oldest: string | undefined;
  /** `FOLDER/LABEL` of pgBackRest’s. */
  labels: string[];
  /** Ids, which are tags of restic’s snapshots. */
  sets: string[];
}

export function parseWanted(text: string): Wanted {
  const of = (kind: string) => text.split('\n').flatMap((line) => (line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : []));
  return { oldest: of('oldest')[0], labels: of('label'), sets: of('set') };
}

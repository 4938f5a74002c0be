/** Ids of restic’s snapshots of sets that a copy is not to hold any more. @param json what `restic snapshots --json --tag set` prints */
export function surplusSnapshots(json: string, sets: readonly string[]): string[] {
  const kept = new Set(sets);
  return (JSON.parse(json) as { id: string; tags?: string[] }[]).flatMap(({ id, tags = [] }) =>
    tags.some((tag) => kept.has(tag)) ? [] : [id],
  );
}

/**
 * Files that an upload was killed in. restic names each by the digest of its content, and reads nothing where an index is half.
 * @param sums what `rclone hashsum` prints: `DIGEST  NAME` a line, with blanks or a word for the digest where it could not read the file
 */
export const damagedFiles = (sums: string): string[] =>
  sums.split('\n').flatMap((line) => {
    const [, sum, name] = /^([0-9a-f]{64}) +(.+)$/.exec(line) ?? [];
    return name !== undefined && sum !== name ? [name] : [];
  });

/** Which snapshots go from one repository into the other. @param sets ids; undefined: all sets. Undefined: there are none to copy */
export function copiedTags(sets: readonly string[] | undefined): string[] | undefined {
  if (sets === undefined) return ['--tag', 'set'];
  return sets.length === 0 ? undefined : sets.flatMap((id) => ['--tag', id]);
}

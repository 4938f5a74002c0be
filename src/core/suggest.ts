/** Edit distance of two words (Levenshtein 1966), two rows at a time. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, (previous[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    previous = row;
  }
  return previous[b.length] as number;
}

/** The known word that was probably meant, or undefined where none is near. Longer words are never compared in full. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 60) return undefined;
  const ranked = known
    .map((candidate) => ({ candidate, cost: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.cost - b.cost || a.candidate.localeCompare(b.candidate, 'en'));
  const best = ranked[0];
  return best && best.cost <= Math.max(2, Math.ceil(word.length / 3)) ? best.candidate : undefined;
}

/** ` Did you mean "x"?` or the known words where none is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const match = nearest(word, known);
  return match ? `did you mean \`${match}\`?` : `known here: ${[...known].sort().join(', ')}`;
}

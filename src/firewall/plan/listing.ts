import { LIVE_SETS } from './ruleset.ts';

/** What `nft -s list table` prints, without what packets and the clock change: the same for the same rules. */
export function canonicalListing(text: string): string {
  const kept: string[] = [];
  let live = false;
  let within = false;
  for (const line of text.split('\n')) {
    const set = /^\tset (\S+) \{$/.exec(line)?.[1];
    if (set !== undefined) live = LIVE_SETS.some((name) => name === set);
    if (line === '\t}') live = false;
    if (live && /^\t\telements = \{/.test(line)) within = true;
    if (!within) kept.push(line);
    if (within && line.trimEnd().endsWith('}')) within = false;
  }
  return kept.join('\n');
}

/**
 * Seconds that the tried rules have left, rounded up, by `nft -j list set`; 0 once they let everything pass.
 * @throws Error where the answer is not one of nft
 */
export function secondsLeft(json: string): number {
  const { nftables } = JSON.parse(json) as { nftables: { set?: { elem?: { elem?: { expires?: number } }[] } }[] };
  const found = nftables.flatMap(({ set }) => set?.elem ?? []).map(({ elem }) => (elem?.expires ?? 0) + 1);
  return Math.max(0, ...found);
}

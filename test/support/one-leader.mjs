// @ts-check
/**
 * What proves that two members led at once. A promotion begins a new timeline, so the writes that were taken tell:
 * a timeline has one member, and what began after a newer timeline had taken a write cannot be of an older one.
 * @typedef {{timeline: number, member?: string | undefined, began: number, ended: number, what: string}} Sign
 * @param {readonly Sign[]} signs in any order; times by one clock
 * @returns {string[]} contradictions, in words; the first of each pair of timelines
 */
export function contradictions(signs) {
  /** @type {Map<string, string>} */
  const found = new Map();
  /** @type {Map<number, string>} */
  const members = new Map();
  /** @type {Map<number, Sign>} the earliest end of each timeline */
  const earliest = new Map();
  for (const sign of signs) {
    const { timeline, member, what } = sign;
    const known = members.get(timeline);
    if (member !== undefined && known !== undefined && known !== member)
      found.set(`${timeline}`, `timeline ${timeline} has two leaders: ${known} and ${member} (${what})`);
    if (member !== undefined) members.set(timeline, known ?? member);
    const first = earliest.get(timeline);
    if (!first || sign.ended < first.ended) earliest.set(timeline, sign);
  }
  for (const sign of signs) {
    for (const [newer, first] of earliest) {
      if (newer <= sign.timeline || sign.began <= first.ended) continue;
      const late = Math.round(sign.began - first.ended);
      found.set(
        `${sign.timeline} ${newer}`,
        `timeline ${sign.timeline} (${members.get(sign.timeline) ?? '?'}, ${sign.what}) still led ${late} ms after ${newer} (${members.get(newer) ?? '?'}, ${first.what})`,
      );
    }
  }
  return [...found.values()];
}

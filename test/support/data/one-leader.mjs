// @ts-check
/**
 * A write that was taken; every promotion begins a new timeline.
 * @typedef {{timeline: number, member?: string | undefined, began: number, ended: number, what: string}} Write
 */
/** A member that said that it leads. It tells its timeline only later. @typedef {{member: string, began: number, ended: number}} Claim */

/**
 * What proves that two members led at once: a timeline has one member, and what began after a newer timeline had taken a
 * write cannot be of an older one.
 * @param {readonly Write[]} writes in any order; times by one clock
 * @param {readonly Claim[]} [claims]
 * @returns {string[]} contradictions, in words; the first of each pair
 */
export function contradictions(writes, claims = []) {
  /** @type {Map<string, string>} */
  const found = new Map();
  /** @type {Map<number, string>} */
  const members = new Map();
  /** @type {Map<number, Write>} the one of each timeline that ended first */
  const first = new Map();
  for (const write of writes) {
    const { timeline, member } = write;
    const known = members.get(timeline);
    if (member !== undefined && known !== undefined && known !== member)
      found.set(`${timeline}`, `timeline ${timeline} has two leaders: ${known} and ${member}`);
    if (member !== undefined) members.set(timeline, known ?? member);
    const earlier = first.get(timeline);
    if (!earlier || write.ended < earlier.ended) first.set(timeline, write);
  }
  for (const { timeline, began, what } of writes) {
    for (const [newer, { ended }] of first) {
      if (newer <= timeline || began <= ended || found.has(`${timeline} ${newer}`)) continue;
      const late = Math.round(began - ended);
      found.set(`${timeline} ${newer}`, `timeline ${timeline} took ${what} ${late} ms after timeline ${newer} had taken one`);
    }
  }
  // A timeline is its member's from the last write of older ones, as it is promoted before it takes a write, to the first of newer ones.
  const terms = [...members].map(([timeline, member]) => ({
    member,
    from: Math.max(...writes.filter((write) => write.timeline < timeline).map(({ began }) => began), Number.NEGATIVE_INFINITY),
    to: Math.min(...[...first].filter(([newer]) => newer > timeline).map(([, { ended }]) => ended), Number.POSITIVE_INFINITY),
  }));
  for (const { member, began, ended } of claims) {
    if (terms.some((term) => term.member === member && ended >= term.from && began <= term.to)) continue;
    found.set(member, `${member} said that it leads in a time that is another’s`);
  }
  return [...found.values()];
}

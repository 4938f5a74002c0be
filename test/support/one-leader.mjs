// @ts-check
/**
 * A write that was taken; every promotion begins a new timeline.
 * @typedef {{timeline: number, member?: string | undefined, began: number, ended: number, what: string}} Write
 */
/** A member that said that it leads. It tells its timeline only later. @typedef {{member: string, began: number, ended: number}} Claim */

/** Who has just been promoted says so before it takes its first write. */
const PROMOTION_MS = 5000;

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
  for (const { member, began } of claims) {
    const newest = [...first].filter(([, { ended }]) => ended < began).sort(([a], [b]) => b - a)[0]?.[0];
    const leader = newest === undefined ? undefined : members.get(newest);
    if (newest === undefined || leader === undefined || leader === member) continue;
    const promoted = [...first].some(
      ([timeline, { ended }]) => timeline > newest && members.get(timeline) === member && ended < began + PROMOTION_MS,
    );
    if (!promoted) found.set(`${member} ${newest}`, `${member} said that it leads while ${leader} did, on timeline ${newest}`);
  }
  return [...found.values()];
}

import { type ClusterView, followers, knows, nameOf, type Speaker, slotsOf } from './cluster-view.ts';
import { complement, intersect, overlap, text } from './ranges.ts';
import type { CacheCommand, CachePlan } from './types.ts';

/**
 * Introduces nodes that do not know each other, or know each other by an old address. Two that hold the same slots and were
 * never in one cluster are left apart: one of them would throw its data away.
 */
export function introductions({ speakers }: ClusterView): CachePlan {
  const commands: CacheCommand[] = [];
  const problems: string[] = [];
  for (const [index, one] of speakers.entries()) {
    for (const other of speakers.slice(index + 1)) {
      if (knows(one, other) && knows(other, one)) continue;
      if (strangersWithTheSame(one, other)) {
        const slots = text(intersect(one.self.slots, other.self.slots));
        problems.push(
          `${one.service} and ${other.service} both hold slots ${slots} and come from different clusters: empty the volume of the one that is not wanted`,
        );
      } else {
        const cause = `${one.service} and ${other.service} do not know each other’s address`;
        commands.push({ kind: 'meet', at: one.service, address: other.address, cause });
      }
    }
  }
  return { commands, problems };
}

const heardOf = (one: Speaker, other: Speaker): boolean => one.view.known.some(({ id }) => id === other.view.id);

const strangersWithTheSame = (one: Speaker, other: Speaker): boolean =>
  !heardOf(one, other) && !heardOf(other, one) && one.view.keys + other.view.keys > 0 && overlap(one.self.slots, other.self.slots);

/**
 * Ids that no node has any more: a wiped node's old one, or one of a container that is no longer wanted. What such an id is
 * still believed to own is left alone (slots.ts), unless a leader that is here has it: then the belief only stands in its way.
 */
export function farewells(now: ClusterView): CacheCommand[] {
  if (!now.complete) return [];
  const uncovered = complement(now.leaders.flatMap(({ self }) => self.slots));
  return [...now.absent].flatMap(([id, said]) =>
    overlap(slotsOf(said), uncovered) || followers(now, id).length > 0
      ? []
      : forget(now, id, `${nameOf(now, id, said)} has joined under a new identity, or is no longer wanted`),
  );
}

/** Told to everybody who knows it in one round: one that still did would tell the others again. */
export const forget = ({ speakers }: ClusterView, id: string, cause: string): CacheCommand[] =>
  speakers
    .filter(({ view }) => view.known.some((node) => node.id === id))
    .map(({ service }) => ({ kind: 'forget', at: service, id, cause }));

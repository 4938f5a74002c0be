import { type ClusterView, followers, isMaster, type Speaker, slotsOf } from './cluster-view.ts';
import { forget } from './membership.ts';
import { complement, count, intersect, overlap, share, text } from './ranges.ts';
import { type CacheCommand, type CachePlan, MASTERS, type Range } from './types.ts';

const NOTHING: CachePlan = { commands: [], problems: [] };

/** All nodes are new: each master is given its share, and an epoch of its own, so that none has to give way to another. */
export function creation({ complete, speakers }: ClusterView): CacheCommand[] {
  if (!complete || speakers.some(({ view }) => view.known.some(({ slots }) => slots.length > 0))) return [];
  return speakers
    .filter(({ self }) => isMaster(self))
    .slice(0, MASTERS)
    .flatMap(({ service, self, view }, index): CacheCommand[] => {
      const cause = 'the cluster is made: no node has any slots';
      // Redis takes an epoch only from a node that is still alone.
      const alone = view.known.length === 1 && self.epoch === 0;
      return [
        ...(alone ? [{ kind: 'set-epoch', at: service, epoch: index + 1, cause } as const] : []),
        { kind: 'take-slots', at: service, slots: [share(index, MASTERS)], cause },
      ];
    });
}

/**
 * Slots that no node serves. Only with every wanted node in sight is it certain that no node has their data; a copy that is
 * left takes over first (failover.ts). A dead owner is forgotten, so that in the next round its slots are free to be taken.
 */
export function cover(now: ClusterView): CachePlan {
  const uncovered = complement(now.leaders.flatMap(({ self }) => self.slots));
  if (uncovered.length === 0) return NOTHING;
  const owners = [...now.absent].filter(([, said]) => overlap(slotsOf(said), uncovered));
  if (!now.complete) return { commands: [], problems: [waiting(now, uncovered)] };
  // A copy is about to take over.
  if (owners.some(([id]) => followers(now, id).length > 0)) return NOTHING;
  if (owners.length > 0) {
    const empty = now.speakers.filter(({ self }) => isMaster(self) && self.slots.length === 0).map(({ service }) => service);
    const who = empty.length > 0 ? `${empty.join(' and ')} came back empty` : 'the node that had it is lost';
    const commands = owners.flatMap(([id, said]) =>
      forget(now, id, `the data of slots ${text(intersect(slotsOf(said), uncovered))} is lost: ${who}, and no node has a copy`),
    );
    return { commands, problems: [] };
  }
  // A node is still believed to have them that does not say so itself: the nodes are about to agree.
  const believed = now.speakers.flatMap(({ view }) => view.known.filter(({ id }) => now.byId.get(id) !== undefined));
  if (believed.some(({ slots }) => overlap(slots, uncovered))) return NOTHING;
  return { commands: assignments(now, uncovered), problems: [] };
}

function waiting({ observed }: ClusterView, uncovered: readonly Range[]): string {
  const silent = observed.nodes.filter(({ view }) => !view).map(({ service, silence }) => `${service} (${silence})`);
  return `slots ${text(uncovered)} are away with ${silent.join(', ')}`;
}

/** Each first share that is free to a master without any; the rest to the master that has least. */
function assignments(now: ClusterView, uncovered: readonly Range[]): CacheCommand[] {
  const empty = now.speakers.filter(({ self }) => isMaster(self) && self.slots.length === 0);
  const takers: Speaker[] = empty.slice(0, Math.max(0, MASTERS - now.leaders.length));
  if (takers.length === 0) takers.push(...[...now.leaders].sort((a, b) => count(a.self.slots) - count(b.self.slots)).slice(0, 1));
  const shares = Array.from({ length: MASTERS }, (_, index) => intersect(uncovered, [share(index, MASTERS)])).filter(
    (part) => part.length > 0,
  );
  return takers.flatMap(({ service }, index) => {
    const slots = shares.filter((_, at) => at % takers.length === index).flat();
    return slots.length === 0 ? [] : [{ kind: 'take-slots', at: service, slots, cause: 'no node has these slots' }];
  });
}

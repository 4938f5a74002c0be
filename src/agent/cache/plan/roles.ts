import { type ClusterView, followers, isMaster, knows, type Speaker, slotsOf } from './cluster-view.ts';
import { complement, intersect } from './ranges.ts';
import { type CacheCommand, MASTERS } from './types.ts';

/** Gives every leader its replicas: from those that follow no leader, and from leaders that have one too many. */
export function followings(now: ClusterView): CacheCommand[] {
  const { replicas, nodes } = now.observed;
  // Of two that lead the same, one is about to follow the other.
  if (replicas === 0 || !now.majority || now.leaders.length === 0 || contested(now).length > 0) return [];
  const spare = freeNodes(now);
  const strength = new Map(now.leaders.map((leader) => [leader, strengthOf(now, leader)]));
  const place = ({ service }: Speaker) => nodes.findIndex((node) => node.service === service);
  const commands: CacheCommand[] = [];
  const follow = (node: Speaker, leader: Speaker, cause: string) => {
    strength.set(leader, (strength.get(leader) as number) + 1);
    commands.push({ kind: 'replicate', at: node.service, master: leader.view.id, cause });
  };
  for (const leader of now.leaders) {
    if ((strength.get(leader) as number) >= replicas) continue;
    // Its first partner if that is free, so that the cluster is laid out the same again.
    const known = spare.filter((node) => knows(node, leader));
    const node = known.find((one) => place(one) % MASTERS === place(leader) % MASTERS) ?? known[0];
    if (node) {
      spare.splice(spare.indexOf(node), 1);
      follow(node, leader, `${leader.service} lacks a replica, and ${node.service} follows no leader`);
      continue;
    }
    const rich = now.leaders.find((other) => (strength.get(other) as number) > replicas);
    const moved = rich && followers(now, rich.view.id).find((one) => knows(one, leader) && !commands.some(({ at }) => at === one.service));
    if (!rich || !moved) continue;
    strength.set(rich, (strength.get(rich) as number) - 1);
    follow(moved, leader, `${leader.service} lacks a replica, and ${rich.service} has more than its share`);
  }
  return commands;
}

/**
 * Replicas that ask for their master where it was before. Redis tells the replication of a master's new address only where the
 * master itself comes from there; one that was heard of by gossip (clusterProcessGossipSection, cluster_legacy.c) is known by
 * its new address, and still asked at its old one, for ever. Told to follow it once more it does.
 */
export const reconnections = (now: ClusterView): CacheCommand[] =>
  now.speakers.flatMap((node) => {
    const leader = node.self.master === undefined ? undefined : now.byId.get(node.self.master);
    const { masterHost } = node.view;
    if (isMaster(node.self) || !leader || masterHost === undefined || masterHost === leader.address || !knows(node, leader)) return [];
    const cause = `${node.service} asks for ${leader.service} at ${masterHost}, where it is no more`;
    return [{ kind: 'replicate', at: node.service, master: leader.view.id, cause }];
  });

/** It serves nothing, and what it follows serves nothing either: no data is lost when it follows another. */
function freeNodes(now: ClusterView): Speaker[] {
  const believed = new Set(now.speakers.flatMap(({ view }) => view.known.filter(({ slots }) => slots.length > 0).map(({ id }) => id)));
  const free = now.speakers.filter(({ self, view }) => {
    if (believed.has(view.id)) return false;
    return isMaster(self) || self.master === undefined || !believed.has(self.master);
  });
  // While slots are free, masters without any are about to take them.
  const uncovered = complement([...now.leaders.flatMap(({ self }) => self.slots), ...[...now.absent.values()].flatMap(slotsOf)]);
  return uncovered.length > 0 ? [] : free;
}

/** Replicas that follow it or will again when they are back. */
function strengthOf(now: ClusterView, leader: Speaker): number {
  const silent = now.observed.nodes.filter(({ view }) => !view).map(({ address }) => address);
  const away = [...now.absent.values()].filter((said) =>
    said.some(({ master, address }) => master === leader.view.id && silent.includes(address)),
  );
  return followers(now, leader.view.id).length + away.length;
}

/** Where two leaders hold the same slots, for a moment: the nodes settle it by their epochs. */
export const contested = ({ leaders }: ClusterView): string[] =>
  leaders.flatMap((one, index) =>
    leaders
      .slice(index + 1)
      .filter((other) => intersect(one.self.slots, other.self.slots).length > 0)
      .map((other) => `${one.service} and ${other.service} both lead the same slots; they are about to agree`),
  );

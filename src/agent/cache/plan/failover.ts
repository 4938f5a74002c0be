import { type ClusterView, followers, nameOf, type Speaker, slotsOf } from './cluster-view.ts';
import { complement, intersect, text } from './ranges.ts';
import type { CacheCommand, KnownNode } from './types.ts';

const GONE = ['fail', 'fail?', 'noaddr'];

/**
 * A leader that is away and has a replica here. As a rule the nodes elect the replica themselves; help is needed where its id
 * lost its address, because another node answers there (a wiped one: no node then counts the old id as failed), and where so many
 * leaders are away that there is no majority to vote. The latter only with most of all wanted nodes in sight, one at
 * a time: after the first the others may be able to vote again.
 */
export function failovers(now: ClusterView): CacheCommand[] {
  const uncovered = complement(now.leaders.flatMap(({ self }) => self.slots));
  const missing = [...now.absent].filter(([, said]) => intersect(slotsOf(said), uncovered).length > 0);
  const voters = now.leaders.length > (now.leaders.length + missing.length) / 2;
  if (!voters && !now.majority) return [];
  for (const [id, said] of missing) {
    const heir = bestFollower(now, id);
    if (!heir || !said.every(({ flags }) => flags.some((flag) => GONE.includes(flag))) || !awayLong(now, said)) continue;
    const name = nameOf(now, id, said);
    const cause = `${name} is away, and ${heir.service} has a copy of slots ${text(intersect(slotsOf(said), uncovered))}`;
    // If every node is in sight, none can have decided otherwise: no vote is needed.
    if (now.complete) return [{ kind: 'failover', at: heir.service, how: 'TAKEOVER', cause }];
    if (voters) return [{ kind: 'failover', at: heir.service, how: 'FORCE', cause }];
    return [{ kind: 'failover', at: heir.service, how: 'TAKEOVER', cause: `${cause}; too few masters are left to vote` }];
  }
  return [];
}

/** The one that has most of what was written. */
function bestFollower(now: ClusterView, id: string): Speaker | undefined {
  return followers(now, id).sort((a, b) => b.view.offset - a.view.offset)[0];
}

/** The node that might have this id has been silent for long enough, and is not just reading its files. */
function awayLong({ observed }: ClusterView, said: readonly KnownNode[]): boolean {
  const silent = observed.nodes.filter(({ view }) => !view);
  const at = silent.filter(({ address }) => said.some((node) => node.address === address));
  const suspects = at.length > 0 ? at : silent;
  return suspects.every(({ silentMs, loading }) => !loading && silentMs >= 3 * observed.nodeTimeoutMs);
}

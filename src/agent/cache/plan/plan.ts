import { view } from './cluster-view.ts';
import { failovers } from './failover.ts';
import { farewells, introductions } from './membership.ts';
import { contested, followings, reconnections } from './roles.ts';
import { cover, creation } from './slots.ts';
import type { CachePlan, Observed } from './types.ts';

/**
 * What to tell the nodes, by what they say. One kind of thing in each round, the most urgent first; the next round sees its
 * effect. Commands that have already been carried out change nothing, so that two controllers at once do no harm.
 */
export function planCache(observed: Observed): CachePlan {
  const now = view(observed);
  const met = introductions(now);
  const covered = cover(now);
  const problems = [...met.problems, ...covered.problems, ...contested(now)];
  const made = creation(now);
  // What follows takes all that speak for one cluster.
  const together = met.problems.length > 0 ? [] : [covered.commands, followings(now), farewells(now)];
  const steps = [[...made, ...(made.length > 0 ? met.commands : [])], failovers(now), met.commands, reconnections(now), ...together];
  return { commands: steps.find((commands) => commands.length > 0) ?? [], problems };
}

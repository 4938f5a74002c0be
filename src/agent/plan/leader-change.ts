import type { WantedLeader } from '../group.ts';
import type { ClusterMember, ClusterView } from '../patroni-client.ts';
import { bestCandidate, candidateProblem, leaderOf, noStandby, problemOf } from './database.ts';

/** Pure: what a planned change of leader does next, by what Patroni says at this moment. */

export type NextAct = { do: 'nothing'; leader: string } | { do: 'wait'; why: string } | { do: 'change'; leader: string; candidate: string };

/** Why no leader could hand over now; undefined if one could. */
export function leaderProblem(view: ClusterView): string | undefined {
  const leader = leaderOf(view);
  if (!leader) return 'no leader elected';
  return leader.state === 'running' ? undefined : `${leader.name} leads in name but is ${leader.state}`;
}

export function nextAct(view: ClusterView, wanted: WantedLeader, synchronous: boolean): NextAct {
  const problem = leaderProblem(view);
  if (problem !== undefined) return { do: 'wait', why: problem };
  const { name: leader } = leaderOf(view) as ClusterMember;
  if (isDone(leader, wanted)) return { do: 'nothing', leader };
  // Patroni hands over to a synchronous standby alone, and one that has just come back is taken as such within a few seconds.
  const why = candidateProblem(leader, view, synchronous) ?? (wanted.to === undefined ? undefined : problemOf(wanted.to, view));
  const candidate = wanted.to ?? bestCandidate(view, leader);
  return why === undefined && candidate !== undefined
    ? { do: 'change', leader, candidate }
    : { do: 'wait', why: why ?? 'no other member is streaming' };
}

/** Whether the wanted change has happened: what is asked for leads, or another one than the one that was to give up the lead. */
export const isDone = (leader: string, { to, from }: WantedLeader): boolean =>
  to === undefined ? from !== undefined && leader !== from : leader === to;

/** The members that have to take part again once the leader has changed: those that did before, and the one that gave up the lead. */
export const expectedMembers = (view: ClusterView, gaveUp: string | undefined): string[] =>
  view.members.flatMap(({ name }) => (name === gaveUp || problemOf(name, view) === undefined ? [name] : []));

/** Why not all of these take part, with a synchronous standby where commits wait for one; undefined if they do. */
export function absentMember(names: readonly string[], view: ClusterView, synchronous: boolean): string | undefined {
  for (const name of names) {
    const problem = problemOf(name, view);
    if (problem !== undefined) return problem;
  }
  return noStandby(view, synchronous);
}

import type { MemberState } from '../../../stack/member.ts';
import { electedOf } from './plan.ts';
import type { Asked, NodeView, Observed, SentinelView } from './types.ts';

/** What `status` shows of each container. */
export function sentinelStatus(observed: Observed): Record<string, MemberState> {
  const elected = electedOf(observed);
  return Object.fromEntries([
    ...observed.nodes.map((node) => [node.service, node.view ? nodeState(observed, node.view, node, elected) : silent(node)] as const),
    ...observed.sentinels.map((one) => [one.service, one.view ? witness(observed, one.view, elected) : silent(one)] as const),
  ]);
}

const silent = ({ silence }: { silence?: string }): MemberState => ({
  role: 'unknown',
  ok: false,
  details: { problem: silence ?? 'no answer' },
});

function nodeState(observed: Observed, view: NodeView, node: Asked<NodeView>, elected: Asked<NodeView> | undefined): MemberState {
  if (view.leads) {
    const agreed = observed.sentinels.filter((sentinel) => sentinel.view?.leader === node.address).length;
    const right = elected?.service === node.service;
    return {
      role: right ? 'leader' : 'unknown',
      ok: right && !view.loading,
      details: { keys: view.keys, sentinels: `${agreed} of ${observed.sentinels.length}` },
    };
  }
  const leader = observed.nodes.find(({ address }) => address === view.follows);
  const follows = view.linkUp && leader !== undefined && leader.service === elected?.service;
  const behind = follows && leader.view ? `${Math.max(0, leader.view.offset - view.offset)} B` : 'its leader is away';
  return { role: 'replica', ok: follows, details: { of: leader?.service ?? 'no node', lag: behind } };
}

function witness(observed: Observed, view: SentinelView, elected: Asked<NodeView> | undefined): MemberState {
  const watched = observed.nodes.find(({ address }) => address === view.leader);
  return {
    role: 'witness',
    ok: watched !== undefined && watched.service === elected?.service,
    details: { watches: watched?.service ?? 'no node', others: view.others },
  };
}

/** Why a member is no part of a whole cache, in words; undefined if it is well. */
export function unsettled(service: string, observed: Observed): string | undefined {
  const state = sentinelStatus(observed)[service];
  if (!state) return `${service} is no member of the cache`;
  if (state.ok) return undefined;
  return `${service} does not take part yet (${Object.entries(state.details)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')})`;
}

/** Before a sentinel is stopped: the others have to agree on a leader without it. */
export function sentinelHandoverProblem(service: string, observed: Observed): string | undefined {
  const sentinels = observed.sentinels.map((one) => (one.service === service ? { ...one, view: undefined } : one)) as Observed['sentinels'];
  return electedOf({ ...observed, sentinels }) ? undefined : 'the other sentinels do not agree on a leader';
}

import type { MemberState } from '../../../stack/member.ts';
import { type ClusterView, isMaster, nameOf, type Speaker, view } from './cluster-view.ts';
import { complement, text } from './ranges.ts';
import type { Observed } from './types.ts';

/** What `status` shows of each container. */
export function cacheStatus(observed: Observed): Record<string, MemberState> {
  const now = view(observed);
  const speakers = new Map(now.speakers.map((speaker) => [speaker.service, speaker]));
  return Object.fromEntries(
    observed.nodes.map(({ service, silence }) => {
      const speaker = speakers.get(service);
      const state = speaker
        ? stateOf(now, speaker)
        : ({ role: 'unknown', ok: false, details: { problem: silence ?? 'no answer' } } satisfies MemberState);
      return [service, state];
    }),
  );
}

/** Who leads, or may: if slots are led by no node that answers, each that does not answer may lead them. */
export function mayLeadCache(observed: Observed): string[] {
  const { leaders } = view(observed);
  const silent = complement(leaders.flatMap(({ self }) => self.slots)).length > 0 ? observed.nodes.filter(({ view }) => !view) : [];
  return [...leaders, ...silent].map(({ service }) => service);
}

function stateOf(now: ClusterView, speaker: Speaker): MemberState {
  const { self, view } = speaker;
  const cluster = { cluster: view.stateOk ? 'ok' : 'down' };
  if (isMaster(self)) {
    if (self.slots.length === 0) return { role: 'unknown', ok: false, details: { problem: 'not part of the cluster yet', ...cluster } };
    return { role: 'leader', ok: view.stateOk, details: { slots: text(self.slots), keys: view.keys, ...cluster } };
  }
  const leader = self.master === undefined ? undefined : now.byId.get(self.master);
  // A connection that leads nowhere is noticed by Redis after a minute.
  const follows = view.linkUp && (view.masterHost === undefined || !leader || view.masterHost === leader.address);
  return {
    role: 'replica',
    ok: view.stateOk && follows,
    details: {
      of: self.master === undefined ? 'no node' : nameOf(now, self.master, now.absent.get(self.master)),
      lag: follows && leader ? `${Math.max(0, leader.view.offset - view.offset)} B` : 'its master is away',
      ...cluster,
    },
  };
}

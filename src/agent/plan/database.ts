import type { MemberState } from '../../stack/member.ts';
import type { ClusterMember, ClusterView } from '../patroni-client.ts';

/** A member counts as caught up if it lags by no more than this. */
const SMALL_LAG = 16 * 1024 ** 2;

const LEADING = ['leader', 'standby_leader'];
const SYNCHRONOUS = ['sync_standby', 'quorum_standby'];

const leads = ({ role }: ClusterMember): boolean => LEADING.includes(role);
const isSynchronous = ({ role }: ClusterMember): boolean => SYNCHRONOUS.includes(role);

/** The leader that runs; a leader whose server is stopped leads in name only. */
export const leaderOf = ({ members }: ClusterView): ClusterMember | undefined => members.find(leads);

export function memberStates(services: readonly string[], view: ClusterView | undefined): Record<string, MemberState> {
  return Object.fromEntries(
    services.map((service) => [
      service,
      memberState(
        view?.members.find(({ name }) => name === service),
        view,
      ),
    ]),
  );
}

function memberState(member: ClusterMember | undefined, view: ClusterView | undefined): MemberState {
  if (!member || !view) return { role: 'unknown', ok: false, details: {} };
  const details: Record<string, string | number> = { state: member.state };
  if (member.timeline !== undefined) details.timeline = member.timeline;
  if (!leads(member)) {
    details.lag = typeof member.lag === 'number' ? bytes(member.lag) : 'unknown';
    details.replication = isSynchronous(member) ? 'synchronous' : 'asynchronous';
  }
  if (member.pending_restart) details.pending = 'restart';
  return { role: leads(member) ? 'leader' : 'replica', ok: problemOf(member.name, view) === undefined, details };
}

/** Why a member is not healthy, in words for a person; undefined if it is. */
export function problemOf(service: string, view: ClusterView): string | undefined {
  const member = view.members.find(({ name }) => name === service);
  if (!member) return `${service} has not joined`;
  const leader = leaderOf(view);
  if (leads(member)) return member.state === 'running' ? undefined : `${service} leads but is ${member.state}`;
  if (!leader) return 'no leader elected';
  if (member.state !== 'streaming') return `${service} is ${member.state}, not streaming`;
  if (member.timeline !== leader.timeline)
    return `${service} is on timeline ${member.timeline ?? '?'}, the leader on ${leader.timeline ?? '?'}`;
  if (typeof member.lag !== 'number') return `how far ${service} is behind is unknown`;
  if (member.lag > SMALL_LAG) return `${service} is ${bytes(member.lag)} behind`;
  return undefined;
}

/** The same, and with several members a synchronous standby: the plan may continue with the next member. */
export function unsettled(service: string, view: ClusterView, synchronous: boolean): string | undefined {
  const problem = problemOf(service, view);
  if (problem !== undefined) return problem;
  if (view.members.find(({ name }) => name === service)?.pending_restart) return `${service} has settings that wait for a restart`;
  return noStandby(view, synchronous);
}

export const noStandby = (view: ClusterView, synchronous: boolean): string | undefined =>
  synchronous && view.members.length > 1 && !view.members.some(isSynchronous) ? 'no member is a synchronous standby' : undefined;

/** The one to hand over to: synchronous first, as Patroni takes no other; then the least behind. */
export function bestCandidate(view: ClusterView, besides: string): string | undefined {
  const lag = (member: ClusterMember): number => (typeof member.lag === 'number' ? member.lag : Number.POSITIVE_INFINITY);
  return view.members
    .filter((member) => !leads(member) && member.name !== besides && ['streaming', 'running'].includes(member.state))
    .sort((a, b) => Number(isSynchronous(b)) - Number(isSynchronous(a)) || lag(a) - lag(b) || (a.name < b.name ? -1 : 1))[0]?.name;
}

/** Why no member could take over now; undefined if one could. */
export function candidateProblem(service: string, view: ClusterView, synchronous: boolean): string | undefined {
  const candidate = bestCandidate(view, service);
  if (candidate === undefined) return 'no other member is streaming';
  const isOne = view.members.some((member) => member.name === candidate && isSynchronous(member));
  if (synchronous && !isOne) return 'no other member is a synchronous standby';
  return problemOf(candidate, view);
}

/**
 * Which server is to be restarted, so that a replica gets to its changed settings; undefined where nothing helps now.
 * A replica goes first: others can do without it. A value that was lowered it cannot take before the leader has (PostgreSQL
 * manual, "Hot Standby", "Administrator's Overview"), so then it is the leader, in place, and the replica afterwards.
 */
export function nextRestart(service: string, view: ClusterView): string | undefined {
  const member = view.members.find(({ name }) => name === service);
  const leader = leaderOf(view);
  if (!member?.pending_restart || leads(member) || leader?.state !== 'running' || view.pause) return undefined;
  if (lowered(member) && leader.pending_restart) return lowered(leader) && problemOf(service, view) === undefined ? leader.name : undefined;
  return service;
}

/** Those of which a standby may not have less than its leader. */
const NOT_BELOW_LEADER = [
  'max_connections',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'max_wal_senders',
  'max_worker_processes',
];

const lowered = ({ pending_restart_reason: reason = {} }: ClusterMember): boolean =>
  Object.entries(reason).some(
    ([name, { old_value, new_value }]) => NOT_BELOW_LEADER.includes(name) && Number(new_value) < Number(old_value),
  );

function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1024 ** 2 ? `${Math.round(count / 1024)} KiB` : `${Math.round(count / 1024 ** 2)} MiB`;
}

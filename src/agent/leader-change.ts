import { type LeaderOutcome, Refused, type Say, type WantedLeader } from './group.ts';
import type { ClusterView, PatroniClient } from './patroni-client.ts';
import { bestCandidate, leaderOf, problemOf } from './plan/database.ts';
import { absentMember, expectedMembers, isDone, leaderProblem, type NextAct, nextAct } from './plan/leader-change.ts';
import { until } from './wait.ts';

/** Between two leaders there is none for some seconds. */
const LEADER_SECONDS = 15;
/** A member that has just given up the lead takes about that long until it could have it again. */
const CANDIDATE_SECONDS = 60;
const HANDOVER_SECONDS = 60;
const REJOIN_SECONDS = 120;
/** What an earlier run has asked for happens within that. */
const EARLIER_SECONDS = 10;

interface Handover {
  outcome: LeaderOutcome;
  leader: string;
  /** Who has to take part again. */
  expected: string[];
}

interface Possible {
  act: Exclude<NextAct, { do: 'wait' }>;
  view: ClusterView;
}

/** Planned and unplanned changes of the database's leader: Patroni decides on it, this only asks it. */
export function leaderChange(members: readonly string[], patroni: PatroniClient) {
  const leaderIs = (wanted: string) => async (): Promise<string | undefined> => {
    const view = await patroni.cluster();
    if (leaderOf(view)?.name !== wanted) return `${leaderOf(view)?.name ?? 'no member'} is the leader, not ${wanted}`;
    return problemOf(wanted, view);
  };

  /** Hands over as soon as another member can lead. It looks afresh each time: an earlier run may still be at work. */
  const handOver = async (wanted: WantedLeader, say: Say): Promise<Handover> => {
    const first = await seen(members, patroni, wanted);
    await until(LEADER_SECONDS, async () => leaderProblem(await patroni.cluster()), say).catch(
      refuse(': a switchover needs a leader that answers; use failover'),
    );
    const asked = { ...wanted, from: wanted.from ?? leaderOf(first)?.name };
    const { act, view } = await nextPossible(asked, say);
    const expected = expectedMembers(view, asked.from);
    if (act.do === 'nothing') {
      say(`${act.leader} leads already`);
      return { outcome: 'unchanged', leader: act.leader, expected };
    }
    say(`${act.leader} hands over to ${act.candidate}`);
    const other = await patroni.switchover(act.leader, act.candidate).catch((error: Error) => changedMeanwhile(asked, error));
    const leader = other ?? act.candidate;
    await until(HANDOVER_SECONDS, leaderIs(leader), say);
    return { outcome: other === undefined ? 'changed' : 'unchanged', leader, expected };
  };

  const nextPossible = async (wanted: WantedLeader, say: Say): Promise<Possible> => {
    const possible: Possible[] = [];
    const look = async () => {
      const view = await patroni.cluster();
      const act = nextAct(view, wanted, await patroni.synchronous());
      if (act.do === 'wait') return act.why;
      possible.push({ act, view });
      return undefined;
    };
    await until(CANDIDATE_SECONDS, look, say).catch(refuse(''));
    return possible[0] as Possible;
  };

  /** The leader that an earlier run has brought about. @throws the error, where it has not */
  const changedMeanwhile = async (wanted: WantedLeader, error: Error): Promise<string> => {
    let leader: string | undefined;
    const look = async () => {
      leader = leaderOf(await patroni.cluster())?.name;
      return leader !== undefined && isDone(leader, wanted) ? undefined : error.message;
    };
    await until(EARLIER_SECONDS, look, () => {}).catch(() => {
      throw error;
    });
    return leader as string;
  };

  const switchover = async (wanted: WantedLeader, say: Say): Promise<LeaderOutcome> => {
    const { outcome, leader, expected } = await handOver(wanted, say);
    await until(REJOIN_SECONDS, async () => absentMember(expected, await patroni.cluster(), await patroni.synchronous()), say).catch(
      (error: Error) => {
        throw new Error(`${leader} is the leader, but ${error.message}`);
      },
    );
    return outcome;
  };

  const leadsNow = (leader: string, { force }: WantedLeader): Promise<boolean> =>
    patroni.leads(leader).catch((error: Error) => {
      if (force) return false;
      throw new Refused(`whether ${leader} leads cannot be told (${error.message}): failover --force replaces it all the same`);
    });

  const failover = async (wanted: WantedLeader, say: Say): Promise<LeaderOutcome> => {
    const view = await seen(members, patroni, wanted);
    const leader = leaderOf(view)?.name;
    // A leader that has just died counts as one that runs, for as long as its lease lasts: it is asked itself.
    if (leader !== undefined && (await leadsNow(leader, wanted))) {
      if (isDone(leader, wanted)) {
        say(`${leader} leads already`);
        return 'unchanged';
      }
      if (!wanted.force) throw new Refused(`${leader} leads and answers: use switchover, or failover --force`);
      return (await handOver(wanted, say)).outcome;
    }
    const candidate = wanted.to ?? bestCandidate(view, leader ?? '');
    if (candidate === undefined) throw new Refused('no other member could take over: none of them is streaming');
    if (candidate === leader) throw new Refused(`${leader} is the leader that does not answer: name another member`);
    say(`${leader ?? 'no leader'} is replaced by ${candidate}`);
    await patroni.failover(candidate);
    await until(HANDOVER_SECONDS, leaderIs(candidate), say);
    return 'changed';
  };

  return { handOver, switchover, failover };
}

/** What Patroni shows before anything is asked of it. @throws Refused for a name that is none, or where no member answers */
async function seen(members: readonly string[], patroni: PatroniClient, { to }: WantedLeader): Promise<ClusterView> {
  if (to !== undefined && !members.includes(to)) throw new Refused(`${to} is no member of the database: ${members.join(', ')}`);
  return patroni.cluster().catch(refuse(''));
}

/** Nothing was asked of Patroni yet. */
const refuse = (more: string) => (error: Error) => {
  throw new Refused(`${error.message}${more}`);
};

import { type Group, Refused, type Say, type WantedLeader } from './group.ts';
import type { PatroniClient } from './patroni-client.ts';
import { bestCandidate, candidateProblem, leaderOf, memberStates, nextRestart, problemOf, unsettled } from './plan/database.ts';
import { until } from './wait.ts';

const HANDOVER_SECONDS = 60;
const AGAIN_MS = 10_000;
const NO_CANDIDATE = 'no other member could take over: none of them is streaming';

/** The members of the database, through Patroni: Patroni decides on the leader; this only asks it. */
export function databaseGroup(members: readonly string[], patroni: PatroniClient): Group {
  const leaderIs = (wanted: string) => async (): Promise<string | undefined> => {
    const view = await patroni.cluster();
    if (leaderOf(view)?.name !== wanted) return `${leaderOf(view)?.name ?? 'no member'} is the leader, not ${wanted}`;
    return problemOf(wanted, view);
  };

  const change = async ({ to }: WantedLeader, say: Say): Promise<void> => {
    const first = await patroni.cluster();
    const leader = leaderOf(first);
    if (leader && leader.name === to) return say(`${to} leads already`);
    // Patroni hands over to a synchronous standby alone, and one that has just come back is taken as such within a few seconds.
    if (leader?.state === 'running' && bestCandidate(first, leader.name) !== undefined)
      await until(HANDOVER_SECONDS, async () => candidateProblem(leader.name, await patroni.cluster(), await patroni.synchronous()), say);
    const candidate = to ?? bestCandidate(await patroni.cluster(), leader?.name ?? '');
    if (candidate === undefined) throw new Refused(NO_CANDIDATE);
    if (leader?.state !== 'running')
      throw new Refused(
        `${leader ? `${leader.name} does not lead` : 'no leader elected'}: a switchover needs a leader that answers; use failover`,
      );
    say(`${leader.name} hands over to ${candidate}`);
    await patroni.switchover(leader.name, candidate);
    await until(HANDOVER_SECONDS, leaderIs(candidate), say);
  };

  const replaceLeader = async (wanted: WantedLeader, say: Say): Promise<void> => {
    const view = await patroni.cluster();
    const leader = leaderOf(view)?.name;
    // A leader that has just died counts as one that runs, for as long as its lease lasts: it is asked itself.
    if (leader !== undefined && (await patroni.leads(leader))) {
      if (leader === wanted.to) return say(`${leader} leads already`);
      if (!wanted.force) throw new Refused(`${leader} leads and answers: use switchover, or failover --force`);
      return change(wanted, say);
    }
    const candidate = wanted.to ?? bestCandidate(view, leader ?? '');
    if (candidate === undefined) throw new Refused(NO_CANDIDATE);
    if (candidate === leader) throw new Refused(`${leader} is the leader that does not answer: name another member`);
    say(`${leader ?? 'no leader'} is replaced by ${candidate}`);
    await patroni.failover(candidate);
    await until(HANDOVER_SECONDS, leaderIs(candidate), say);
  };

  /** Nothing is changed for a name that is none, or where no member answers. */
  const known = async ({ to }: WantedLeader): Promise<void> => {
    if (to !== undefined && !members.includes(to)) throw new Refused(`${to} is no member of the database: ${members.join(', ')}`);
    await patroni.cluster().catch((error: Error) => {
      throw new Refused(error.message);
    });
  };

  return {
    name: 'database',
    members,
    status: async () => memberStates(members, await patroni.cluster().catch(() => undefined)),
    handover: async (service, say) => {
      const view = await patroni.cluster();
      if (leaderOf(view)?.name !== service) return;
      // Alone it leads nothing that another could lead.
      if (members.length === 1) return;
      // Another member that is down may be about to return.
      await until(HANDOVER_SECONDS, async () => candidateProblem(service, await patroni.cluster(), await patroni.synchronous()), say);
      await change({}, say);
    },
    settled: async (service, seconds, say) => {
      let last = { service: '', at: Number.NEGATIVE_INFINITY };
      await until(
        seconds,
        async () => {
          const view = await patroni.cluster();
          const next = nextRestart(service, view);
          // What a member says of itself is some seconds old, and a replica hears of its leader's new settings a moment later.
          if (next !== undefined && (next !== last.service || performance.now() - last.at > AGAIN_MS)) {
            say(`${next} is restarted for its changed settings`);
            await patroni.restartPending(next);
            last = { service: next, at: performance.now() };
          }
          return unsettled(service, view, await patroni.synchronous());
        },
        say,
      );
    },
    switchover: async (wanted, say) => {
      await known(wanted);
      await change(wanted, say);
    },
    failover: async (wanted, say) => {
      await known(wanted);
      await replaceLeader(wanted, say);
    },
  };
}

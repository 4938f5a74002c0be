import type { Group, Say } from './group.ts';
import type { PatroniClient } from './patroni-client.ts';
import { bestCandidate, candidateProblem, leaderOf, memberStates, nextRestart, problemOf, unsettled } from './plan/database.ts';
import { until } from './wait.ts';

const HANDOVER_SECONDS = 60;
const AGAIN_MS = 10_000;

/** The members of the database, through Patroni: Patroni decides on the leader; this only asks it. */
export function databaseGroup(members: readonly string[], patroni: PatroniClient): Group {
  const leaderIs = (wanted: string) => async (): Promise<string | undefined> => {
    const view = await patroni.cluster();
    if (leaderOf(view)?.name !== wanted) return `${leaderOf(view)?.name ?? 'no member'} is the leader, not ${wanted}`;
    return problemOf(wanted, view);
  };

  const change = async (to: string | undefined, say: Say, forced: boolean): Promise<void> => {
    if (to !== undefined && !members.includes(to)) throw new Error(`${to} is no member of the database: ${members.join(', ')}`);
    const first = await patroni.cluster();
    const leader = leaderOf(first);
    if (leader && leader.name === to) return say(`${to} leads already`);
    // Patroni hands over to a synchronous standby alone, and one that has just come back is taken as such within a few seconds.
    if (leader?.state === 'running' && bestCandidate(first, leader.name) !== undefined)
      await until(HANDOVER_SECONDS, async () => candidateProblem(leader.name, await patroni.cluster(), await patroni.synchronous()), say);
    const candidate = to ?? bestCandidate(await patroni.cluster(), leader?.name ?? '');
    if (candidate === undefined) throw new Error('no other member could take over: none of them is streaming');
    if (!forced && leader?.state !== 'running')
      throw new Error(
        `${leader ? `${leader.name} does not lead` : 'no leader elected'}: a switchover needs a leader that answers; use failover`,
      );
    say(`${leader?.name ?? 'no leader'} hands over to ${candidate}`);
    if (leader?.state === 'running') await patroni.switchover(leader.name, candidate);
    else await patroni.failover(candidate);
    await until(HANDOVER_SECONDS, leaderIs(candidate), say);
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
      await change(undefined, say, false);
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
    switchover: (to, say) => change(to, say, false),
    failover: (to, say) => change(to, say, true),
  };
}

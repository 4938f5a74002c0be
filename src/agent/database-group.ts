import type { Group } from './group.ts';
import { leaderChange } from './leader-change.ts';
import type { PatroniClient } from './patroni-client.ts';
import { leaderOf, memberStates, nextRestart, unsettled } from './plan/database.ts';
import { until } from './wait.ts';

const AGAIN_MS = 10_000;

/** The members of the database, through Patroni: Patroni decides on the leader; this only asks it. */
export function databaseGroup(members: readonly string[], patroni: PatroniClient): Group {
  const change = leaderChange(members, patroni);
  return {
    name: 'database',
    members,
    status: async () => memberStates(members, await patroni.cluster().catch(() => undefined)),
    handover: async (service, say) => {
      const view = await patroni.cluster();
      if (leaderOf(view)?.name !== service) return;
      // Alone it leads nothing that another could lead.
      if (members.length === 1) return;
      await change.handOver({ from: service }, say);
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
    switchover: change.switchover,
    failover: change.failover,
  };
}

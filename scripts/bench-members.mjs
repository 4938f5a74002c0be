// The members of the data plane, as the agent's controller tells of them.
import { setTimeout as sleep } from 'node:timers/promises';
import { docker } from './bench-lib.mjs';

export const container = (at, service) => `${at.project}-${service}-1`;
export const controller = (at, ...args) => docker('exec', container(at, 'agent'), 'keeper', ...args);
const states = (at) => Object.entries(JSON.parse(controller(at, 'status').split('\n').at(-1)));
export const leaderOf = (at, group) => states(at).find(([service, { role }]) => service.startsWith(group) && role === 'leader')[0];

/** Until every member takes part, and the database has its synchronous standby. */
export async function settled(at) {
  for (const deadline = Date.now() + 120_000; ; await sleep(500)) {
    try {
      const all = states(at);
      if (all.every(([, { ok }]) => ok) && all.some(([, { details }]) => details.replication === 'synchronous')) return;
    } catch {
      // The agent itself may just have been started.
    }
    if (Date.now() > deadline) throw new Error(`not settled in 120 s: ${JSON.stringify(states(at))}`);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import { connectNode } from '../cache/client.ts';
import type { Say } from '../group.ts';
import { until } from '../wait.ts';
import { connectSentinel, observeSentinel } from './observe.ts';
import { electedOf } from './plan/plan.ts';
import { sentinelHandoverProblem } from './plan/status.ts';
import { type Observed, type SentinelConfig, WATCHED } from './plan/types.ts';

const HANDOVER_SECONDS = 60;
/** Writes wait at most so long for the new leader; then the old one takes them again. */
const PAUSE_MS = 10_000;
const TAKE_OVER_SECONDS = 15;
const CATCH_UP_SECONDS = 5;
/** Within that the router has asked the sentinels again (templates/cache-router). */
const ROUTER_MS = 600;

/**
 * Before a planned stop. A leader lets writes wait until its follower has all of them, and a sentinel promotes that one: no write
 * that was acknowledged is lost. A sentinel goes once the others agree without it. @throws Error in words for a person
 */
export async function handoverSentinel(config: SentinelConfig, service: string, say: Say): Promise<void> {
  if (config.sentinels.some((sentinel) => sentinel.service === service)) {
    await until(HANDOVER_SECONDS, async () => sentinelHandoverProblem(service, await observeSentinel(config)), say);
    return;
  }
  await until(HANDOVER_SECONDS, () => oneAttempt(config, service, say), say);
}

/** @returns why it still leads, undefined once it does not */
async function oneAttempt(config: SentinelConfig, service: string, say: Say): Promise<string | undefined> {
  const observed = await observeSentinel(config);
  const node = observed.nodes.find((one) => one.service === service);
  if (!node) throw new Error(`${service} is no node of the cache`);
  const elected = electedOf(observed);
  if (!node.view) throw new Error(`${service} does not answer (${node.silence}): it cannot hand over what it leads`);
  if (!node.view.leads && elected?.service !== service) return undefined;
  const heir = observed.nodes.find(({ view }) => view?.linkUp && view.follows === node.address && !view.unfilled);
  if (!heir) return `${service} has no follower that is in sync`;
  const sentinel = observed.sentinels.find(({ view }) => view?.leader === node.address && !view.failingOver);
  if (!sentinel) return `no sentinel can promote ${heir.service}`;
  const leader = await connectNode(config, node.address);
  try {
    await leader.ask('CLIENT', 'PAUSE', PAUSE_MS, 'WRITE');
    await until(
      CATCH_UP_SECONDS,
      async () => behind(await observeSentinel(config), service, heir.service),
      () => {},
    );
    const link = await connectSentinel(config, sentinel.address);
    await link.ask('SENTINEL', 'FAILOVER', WATCHED).finally(() => link.close());
    say(`${heir.service} takes over from ${service}`);
    await until(
      TAKE_OVER_SECONDS,
      async () => pending(await observeSentinel(config), heir.service),
      () => {},
    );
    await sleep(ROUTER_MS);
    // Sentinels would do that too, some seconds later. Clients come again, and are led to the new leader.
    await leader.ask('REPLICAOF', heir.address, 6379);
    await leader.ask('CLIENT', 'KILL', 'TYPE', 'normal');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await leader.ask('CLIENT', 'UNPAUSE').catch(() => undefined);
    leader.close();
  }
}

/** Writes of the leader that its follower has not yet. */
function behind({ nodes }: Observed, leader: string, follower: string): string | undefined {
  const [from, to] = [leader, follower].map((name) => nodes.find(({ service }) => service === name)?.view);
  if (!from || !to?.linkUp) return `${follower} does not follow ${leader}`;
  return to.offset < from.offset ? `${follower} is ${from.offset - to.offset} B behind ${leader}` : undefined;
}

function pending(observed: Observed, heir: string): string | undefined {
  const elected = electedOf(observed);
  if (elected?.service !== heir) return `the sentinels still call ${elected?.service ?? 'no node'} the leader`;
  return elected.view?.leads ? undefined : `${heir} does not lead yet`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentConfig, inGroup } from './config.ts';
import type { Group } from './group.ts';
import { handoverSentinel } from './sentinel/handover.ts';
import { observeSentinel } from './sentinel/observe.ts';
import { describeCommand, performSentinel } from './sentinel/perform.ts';
import { planSentinel } from './sentinel/plan/plan.ts';
import { sentinelStatus, unsettled } from './sentinel/plan/status.ts';
import type { Observed, SentinelConfig } from './sentinel/plan/types.ts';
import { until } from './wait.ts';

/** The router counts a sentinel that was away only after 3 s (templates/cache-router): another one is not stopped before. */
const SURE_MS = 4_000;

/** A leader, its follower, and the sentinels that elect; told where they cannot know by themselves. */
export function sentinelGroup(own: Extract<NonNullable<AgentConfig['cache']>, { sentinels: unknown }>, config: AgentConfig): Group {
  const members = inGroup(config, 'cache').map(({ service, address = '' }) => ({ service, address }));
  const cache: SentinelConfig = {
    downAfterMs: own.downAfterMs,
    failoverTimeoutMs: own.failoverTimeoutMs,
    nodes: members.filter(({ service }) => !own.sentinels.includes(service)),
    sentinels: members.filter(({ service }) => own.sentinels.includes(service)),
    user: 'keeper',
    passwordFile: '/run/secrets/redis-keeper-password',
    sentinelPasswordFile: '/run/secrets/redis-sentinel-password',
    caFile: '/run/trust/internal-ca.pem',
    certificateFile: '/run/certs/current/fullchain.pem',
    keyFile: '/run/certs/current/privkey.pem',
  };
  let before: Observed | undefined;
  let told = '';
  return {
    name: 'cache',
    members: members.map(({ service }) => service),
    status: async () => sentinelStatus(await observeSentinel(cache)),
    handover: (service, say) => handoverSentinel(cache, service, say),
    settled: async (service, seconds, say) => {
      await until(seconds, async () => unsettled(service, await observeSentinel(cache)), say);
      if (own.sentinels.includes(service)) await sleep(SURE_MS);
    },
    round: async () => {
      before = await observeSentinel(cache, before);
      const { commands, problems } = planSentinel(before);
      const performed = await performSentinel(cache, commands);
      // What needs a person, or only time, is said once.
      const news = problems.join('; ');
      const words = news !== told && news !== '' ? [news] : [];
      told = news;
      return [
        ...performed.map(
          ({ command, refused }) => `${describeCommand(command)} (${command.cause})${refused === undefined ? '' : `; refused: ${refused}`}`,
        ),
        ...words,
      ];
    },
  };
}

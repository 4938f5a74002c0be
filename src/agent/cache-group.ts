import type { MemberState } from '../stack/member.ts';
import { cacheCommands } from './cache/commands.ts';
import { observeCache } from './cache/observe.ts';
import { describeCommand, type Performed } from './cache/perform.ts';
import { mayLeadCache } from './cache/plan/status.ts';
import type { CacheConfig, Observed } from './cache/plan/types.ts';
import { cacheRound } from './cache/round.ts';
import { type AgentConfig, inGroup } from './config.ts';
import type { Group, Say } from './group.ts';

/** The nodes of the Redis Cluster. Unlike the others they also have to be introduced to each other: Redis never does that by itself. */
export function cacheGroup(own: Pick<CacheConfig, 'replicas' | 'nodeTimeoutMs'>, config: AgentConfig): Group {
  const nodes = inGroup(config, 'cache').map(({ service, address = '' }) => ({ service, address }));
  const cluster: CacheConfig = {
    ...own,
    nodes,
    user: 'keeper',
    passwordFile: '/run/secrets/redis-keeper-password',
    caFile: '/run/trust/internal-ca.pem',
    certificateFile: '/run/certs/current/fullchain.pem',
    keyFile: '/run/certs/current/privkey.pem',
  };
  let before: Observed | undefined;
  let told = '';
  return {
    name: 'cache',
    members: nodes.map(({ service }) => service),
    status: async () => (await cacheCommands.status(cluster, [], silent)) as Record<string, MemberState>,
    leaders: async () => mayLeadCache(await observeCache(cluster)),
    handover: async (service, say) => void (await cacheCommands.handover(cluster, [service], say)),
    settled: async (service, seconds, say) => void (await cacheCommands.settled(cluster, [service, String(seconds)], say)),
    round: async () => {
      const { observed, performed, problems } = await cacheRound(cluster, before);
      before = observed;
      // What needs a person, or only time, is said once.
      const news = problems.join('; ');
      const words = news !== told && news !== '' ? [news] : [];
      told = news;
      return [...performed.map(describe), ...words];
    },
  };
}

const silent: Say = () => {};

const describe = ({ command, refused }: Performed): string =>
  `${describeCommand(command)} (${command.cause})${refused === undefined ? '' : `; refused: ${refused}`}`;

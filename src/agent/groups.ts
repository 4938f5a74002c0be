import { cacheGroup } from './cache-group.ts';
import { type AgentConfig, inGroup, readSecret, type Watched } from './config.ts';
import { coordinationGroup } from './coordination-group.ts';
import { databaseGroup } from './database-group.ts';
import type { Group } from './group.ts';
import type { Peer } from './member-client.ts';
import { type PatroniClient, patroniClient } from './patroni-client.ts';
import { sentinelGroup } from './sentinel-group.ts';

const peers = (members: readonly Watched[]): Peer[] => members.map(({ service, address = '' }) => ({ service, address }));

export const connectPatroni = (config: AgentConfig): PatroniClient =>
  patroniClient(peers(inGroup(config, 'database')), () => readSecret('patroni-rest-password'));

export const etcdPeers = (config: AgentConfig): Peer[] => peers(inGroup(config, 'coordination'));

/** Each group of members that this stack has. */
export function groupsOf(config: AgentConfig): Group[] {
  const database = inGroup(config, 'database').map(({ service }) => service);
  const coordination = etcdPeers(config);
  return [
    ...(database.length > 0 ? [databaseGroup(database, connectPatroni(config))] : []),
    ...(coordination.length > 0 ? [coordinationGroup(coordination)] : []),
    ...(config.cache ? ['sentinels' in config.cache ? sentinelGroup(config.cache, config) : cacheGroup(config.cache, config)] : []),
  ];
}

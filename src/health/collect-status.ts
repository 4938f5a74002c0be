import type { Seen } from '../capability/capability.ts';
import { parseBalancerStats } from '../services/app/balancer-stats.ts';
import { containersOf } from '../stack/roles.ts';
import { collectNotes } from './collect.ts';
import type { StatusExtras } from './plan/status.ts';

/** What `status` shows beside the containers: what the balancer says of its replicas, who leads, and notes. */
export async function statusExtras(seen: Seen): Promise<StatusExtras> {
  const { engine, containers, lives, members, manifest } = seen;
  const balancer = containersOf(containers, manifest?.services, 'balancer').find((container) => container.state === 'running');
  const [stats, notes] = await Promise.all([
    balancer && engine.exec(balancer.id, ['/usr/local/bin/backend', 'stats']).catch(() => undefined),
    collectNotes(seen),
  ]);
  return { traffic: stats?.exitCode === 0 ? parseBalancerStats(stats.output) : {}, members: members ?? {}, notes, lives };
}

import { parseBalancerStats } from '../plan/balancer-stats.ts';
import { interruptedRelease } from '../plan/releases.ts';
import type { StatusExtras } from '../plan/status.ts';
import { readReleases } from './release-store.ts';
import type { StateFolder } from './state.ts';
import type { Engine, ObservedContainer } from './types.ts';

/** The containers of a project, and what those of them say that know more: the balancer about its replicas. */
export async function inspectStack(
  engine: Engine,
  state: StateFolder,
  project: string,
): Promise<StatusExtras & { containers: ObservedContainer[] }> {
  const containers = await engine.observe(project);
  const balancer = containers.find((container) => container.component === 'balancer' && container.state === 'running');
  const stats = balancer && (await engine.exec(balancer.id, ['/usr/local/bin/backend', 'stats']).catch(() => undefined));
  const half = interruptedRelease(readReleases(state));
  const out = state.drained();
  return {
    containers,
    traffic: stats?.exitCode === 0 ? parseBalancerStats(stats.output) : {},
    notes: [
      ...(half
        ? [
            `the deploy of ${half.id} (${half.image}) was stopped half-way: \`medianest deploy\` begins it again, \`medianest up\` takes it back`,
          ]
        : []),
      ...(out.length > 0 ? [`${out.join(', ')} may have been left out of the balancer: \`medianest up\` puts it back`] : []),
    ],
  };
}

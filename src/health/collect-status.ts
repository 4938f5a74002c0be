import { backupHealth } from '../backup/alert.ts';
import { copyHealth } from '../backup/copies/copies.ts';
import { backupNotes } from '../backup/plan/backup-sets.ts';
import { readCatalogue } from '../backup/repository/repository.ts';
import { archiveHealth } from '../backup/repository/wal-health.ts';
import { halfRestored, underWay } from '../backup/restore/journal.ts';
import { kitProblem } from '../backup/restore/kit.ts';
import type { Context } from '../capability/context.ts';
import { certificateHealth } from '../certificates/status.ts';
import { readReleases } from '../deploy/store/release-store.ts';
import { interruptedRelease } from '../deploy/store/releases.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { keeperOf, memberStates } from '../members/agent-cli.ts';
import type { Opened } from '../project/open.ts';
import { readOrders } from '../reconcile/prepare.ts';
import { wafStatus } from '../waf/waf-status.ts';
import { parseBalancerStats } from './plan/balancer-stats.ts';
import type { StatusExtras } from './plan/status.ts';

/** The containers of a project, and what those of them say that know more: the balancer about its replicas. */
export async function inspectStack(context: Context, opened: Opened): Promise<StatusExtras & { containers: ObservedContainer[] }> {
  const { loaded, state } = opened;
  const engine = await context.engine();
  const containers = await engine.observe(loaded.settings.project);
  const balancer = containers.find((container) => container.component === 'balancer' && container.state === 'running');
  const keeper = keeperOf(state.manifest()?.services);
  const [stats, waf, members, certificates] = await Promise.all([
    balancer && engine.exec(balancer.id, ['/usr/local/bin/backend', 'stats']).catch(() => undefined),
    containers.length > 0 ? wafStatus(context, loaded, state) : undefined,
    memberStates(engine, containers, keeper).catch(() => undefined),
    containers.length > 0 ? certificateHealth(context, opened, containers) : [],
  ]);
  const [archive, copies] = await Promise.all([
    archiveHealth(engine, state.manifest(), containers, members),
    containers.some(({ service }) => service === 'backup') ? copyHealth(context, loaded) : [],
  ]);
  const half = interruptedRelease(readReleases(state), readOrders(state).app?.release);
  const interrupted = underWay(state);
  const out = state.drained().filter((name) => containers.some(({ service }) => service === name));
  return {
    containers,
    traffic: stats?.exitCode === 0 ? parseBalancerStats(stats.output) : {},
    members: members ?? {},
    notes: [
      ...(interrupted ? [halfRestored(interrupted)] : []),
      ...(containers.some(({ service }) => service === 'backup')
        ? backupNotes(readCatalogue(state)?.sets ?? [], context.clock.now()).concat(
            kitProblem(state) ?? [],
            [...backupHealth(state), ...[...archive, ...copies].filter(({ status }) => status !== 'ok')].map(
              ({ message, remedy }) => `${message}: ${remedy}`,
            ),
          )
        : []),
      ...(keeper && containers.length > 0 && !members ? [`${keeper} does not answer: who leads is not known, and nothing is healed`] : []),
      ...(waf ? [`WAF: ${waf.mode}, paranoia ${waf.paranoia}, ${waf.rules.name} ${waf.rules.version} (${waf.rules.from})`] : []),
      ...(half
        ? [
            `the deploy of ${half.id} (${half.image}) was stopped half-way: \`medianest deploy\` begins it again, \`medianest up\` takes it back`,
          ]
        : []),
      ...certificates.filter(({ status }) => status !== 'ok').map(({ message, remedy }) => `${message}: ${remedy}`),
      ...(out.length > 0 ? [`${out.join(', ')} may have been left out of the balancer: \`medianest up\` puts it back`] : []),
    ],
  };
}

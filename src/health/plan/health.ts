import type { Check, HealthReport } from '../../capability/check.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import type { Manifest } from '../../stack/manifest.ts';

/** One check for each container that should run, and those that were made elsewhere. */
export function healthReport(
  manifest: Manifest | undefined,
  containers: readonly ObservedContainer[],
  more: readonly Check[] = [],
): HealthReport {
  if (!manifest && containers.length === 0) {
    return worst([{ id: 'stack', status: 'fail', message: 'nothing was started yet', remedy: 'medianest up' }]);
  }
  const missing = (manifest?.services ?? []).filter((service) => !containers.some((container) => container.service === service.name));
  return worst(
    [
      ...containers.map(containerCheck),
      ...more,
      ...missing.map(
        ({ name }): Check => ({ id: `container.${name}`, status: 'fail', message: `${name} does not exist`, remedy: 'medianest up' }),
      ),
    ].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })),
  );
}

function containerCheck(container: ObservedContainer): Check {
  const check = (status: Check['status'], remedy?: string): Check => ({
    id: `container.${container.service}`,
    status,
    message: `${container.service}: ${container.status || container.state}`,
    value: container.health === 'none' ? container.state : container.health,
    ...(remedy && { remedy }),
  });
  if (container.state === 'paused') return check('fail', `docker unpause ${container.name}`);
  if (container.state !== 'running') return check('fail', `medianest logs ${container.service}, then medianest up`);
  if (container.health === 'unhealthy')
    return check('fail', `medianest logs ${container.service}, then medianest restart ${container.service}`);
  return container.health === 'starting' ? check('warn', 'wait: it has not answered its first checks yet') : check('ok');
}

function worst(checks: Check[]): HealthReport {
  const has = (status: Check['status']) => checks.some((check) => check.status === status);
  return { status: has('fail') ? 'fail' : has('warn') ? 'warn' : 'ok', checks };
}

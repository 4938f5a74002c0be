import type { Check, HealthReport } from '../../capability/check.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import type { Manifest } from '../../stack/manifest.ts';
import type { MemberState } from '../../stack/member.ts';

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

/** One check for each group of members. @param members what their keeper says of them; undefined where it does not answer */
export function groupChecks(manifest: Manifest | undefined, members: Readonly<Record<string, MemberState>> | undefined): Check[] {
  const services = manifest?.services.flatMap(({ name, member }) => (member ? [{ name, ...member }] : [])) ?? [];
  return [...new Set(services.map(({ group }) => group))].map((group): Check => {
    const own = services.filter((service) => service.group === group);
    const keeper = own[0]?.keeper ?? '';
    const id = `group.${group}`;
    if (!members)
      return { id, status: 'fail', message: `${group}: its keeper does not answer`, remedy: `medianest logs ${keeper}, then medianest up` };
    const bad = own.filter(({ name }) => !members[name]?.ok).map(({ name }) => name);
    const leaders = own.filter(({ name }) => members[name]?.role === 'leader').map(({ name }) => name);
    if (leaders.length === 0)
      return { id, status: 'fail', message: `${group}: nobody leads`, remedy: `medianest logs ${own.map(({ name }) => name).join(' ')}` };
    if (bad.length > 0)
      return {
        id,
        status: 'warn',
        message: `${group}: ${bad.join(', ')} takes no part`,
        remedy: `medianest logs ${bad[0]}`,
        value: leaders.join(' '),
      };
    return {
      id,
      status: 'ok',
      message: `${group}: ${leaders.join(', ')} ${leaders.length === 1 ? 'leads' : 'lead'}, all take part`,
      value: leaders.join(' '),
    };
  });
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

import type { Check, HealthReport } from '../../capability/check.ts';
import { judgeLife, type Life, restartsText } from '../../docker/plan/lives.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import type { Manifest } from '../../stack/manifest.ts';

/** One check for each container that should run, and those that were made elsewhere. */
export function healthReport(
  manifest: Manifest | undefined,
  containers: readonly ObservedContainer[],
  more: readonly Check[] = [],
  lives: Readonly<Record<string, Life>> = {},
  now = 0,
): HealthReport {
  if (!manifest && containers.length === 0) {
    // It may be the manifest that is damaged.
    const faults = more.filter(({ id }) => id === 'state-files');
    return worst(
      faults.length > 0 ? faults : [{ id: 'stack', status: 'fail', message: 'nothing was started yet', remedy: 'medianest up' }],
    );
  }
  const missing = (manifest?.services ?? []).filter((service) => !containers.some((container) => container.service === service.name));
  return worst(
    [
      ...containers.map((container) => containerCheck(container, lives[container.id], now)),
      ...more,
      ...missing.map(
        ({ name }): Check => ({ id: `container.${name}`, status: 'fail', message: `${name} does not exist`, remedy: 'medianest up' }),
      ),
    ].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true })),
  );
}

function containerCheck(container: ObservedContainer, life: Life | undefined, now: number): Check {
  const { service } = container;
  const lived = life ? judgeLife(life, now) : 'calm';
  const told = life && lived !== 'calm' ? `; ${restartsText(life, now)}` : '';
  const check = (status: Check['status'], remedy?: string): Check => ({
    id: `container.${service}`,
    status,
    message: `${service}: ${container.status || container.state}${told}${lived === 'loops' ? ': it ends again and again' : ''}`,
    value: container.health === 'none' ? container.state : container.health,
    ...(remedy && { remedy }),
  });
  if (container.state === 'paused') return check('fail', `docker unpause ${container.name}`);
  if (container.state !== 'running') return check('fail', `medianest logs ${service}, then medianest up`);
  // It may answer at this moment, until it ends the next time.
  if (lived === 'loops') return check('fail', `medianest logs ${service} shows why it ends; correct that, then medianest up`);
  if (container.health === 'unhealthy') return check('fail', `medianest logs ${service}, then medianest restart ${service}`);
  if (container.health === 'starting') return check('warn', 'wait: it has not answered its first checks yet');
  return lived === 'restarted' ? check('warn', `medianest logs ${service} shows why it ended`) : check('ok');
}

function worst(checks: Check[]): HealthReport {
  const has = (status: Check['status']) => checks.some((check) => check.status === status);
  return { status: has('fail') ? 'fail' : has('warn') ? 'warn' : 'ok', checks };
}

import { UserError } from '../../core/errors.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import type { Manifest } from '../../stack/manifest.ts';
import { containersOf } from '../../stack/roles.ts';
import type { Page } from '../../stack/types.ts';

/** What is needed to pass a page on. */
export interface ReachedPage {
  page: Page;
  /** Id of the container that passes it on: Prometheus, which is in the same network and has bash. */
  through: string;
}

/**
 * The page that a name stands for, and how it is reached.
 * @throws UserError USAGE where the stack has no such page; NOT_RUNNING where it is left out, or what is needed does not run
 */
export function reachedPage(name: string, manifest: Manifest, containers: readonly ObservedContainer[]): ReachedPage {
  const pages = manifest.services.filter(({ page }) => page !== undefined);
  const left = manifest.leftOut?.find(({ service, keeps }) => service === name && keeps === undefined);
  if (left)
    throw new UserError(
      'NOT_RUNNING',
      `${name} is left out, because its image ${left.image} could not be pulled`,
      'medianest up tries again; on a host without a registry: medianest images load FILE, then medianest up',
    );
  const found = pages.find((service) => service.component === name);
  if (!found?.page) {
    const known = pages.map(({ component }) => component);
    throw new UserError(
      'USAGE',
      `there is no page ${JSON.stringify(name)} in this stack${known.length > 0 ? `; there are ${known.join(', ')}` : ''}`,
      known.length > 0 ? `medianest open ${known[0]}` : '`observability: full` in medianest.yml adds grafana, kibana and jaeger',
    );
  }
  const running = ({ state }: ObservedContainer) => state === 'running';
  if (!containers.some((container) => container.service === found.name && running(container)))
    throw new UserError('NOT_RUNNING', `${found.name} does not run`, 'medianest up');
  const through = containersOf(containers, manifest.services, 'monitoring').find(running);
  if (!through)
    throw new UserError(
      'NOT_RUNNING',
      `Prometheus does not run, and ${name} is reached by way of its container`,
      'medianest up; with `components: { prometheus: false }`, switch it on again',
    );
  return { page: found.page, through: through.id };
}

import { hostAddress } from '../../core/cidr.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import { volumeName } from '../../stack/labels.ts';
import type { Network, Service, Stack } from '../../stack/types.ts';
import type { Change } from './change.ts';

/**
 * Of the services that leave, those that have to be gone before others start: an address or port of theirs is wanted. Two
 * components that stand for each other (`redis` and `redis-cluster`) have the same fixed addresses. A component goes as a whole.
 */
export function freedFirst(
  removed: readonly Change[],
  starting: readonly Service[],
  networks: readonly Network[],
  containers: readonly ObservedContainer[],
): Change[] {
  const addresses = new Set(
    networks.flatMap(({ name, subnet }) =>
      starting.flatMap((service) => (service.networks.includes(name) ? [hostAddress(subnet, service.host)] : [])),
    ),
  );
  const ports = new Set(starting.flatMap((service) => service.ports.map(({ host }) => host)));
  const holds = (container: ObservedContainer) =>
    // One that starts again and again has its address only now and then.
    (starting.length > 0 && container.state === 'restarting') ||
    Object.values(container.addresses).some((address) => addresses.has(address)) ||
    container.ports.some(({ host }) => ports.has(host));
  const leaving = containers.filter(({ service }) => removed.some((change) => change.service === service));
  const components = new Set(leaving.filter(holds).map(({ component, service }) => component ?? service));
  const gone = new Set(leaving.filter(({ component, service }) => components.has(component ?? service)).map(({ service }) => service));
  return removed.filter(({ service }) => gone.has(service));
}

/** What becomes of the data of a service that leaves: of a component that is switched off, nothing else reads it. */
export function dataLeftBehind(service: string, stack: Stack, containers: readonly ObservedContainer[]): string {
  const own = containers.filter((container) => container.service === service);
  const stays = own.some(({ component }) => stack.services.some((wanted) => wanted.component === component));
  const read = new Set(stack.volumes.map((name) => volumeName(stack.project, name)));
  const prefix = volumeName(stack.project, '');
  const unread = [...new Set(own.flatMap(({ volumes }) => volumes))].filter((name) => name.startsWith(prefix) && !read.has(name)).sort();
  if (stays || unread.length === 0) return 'none: its volumes are kept';
  return `its volumes are kept (${unread.map((name) => name.slice(prefix.length)).join(', ')}), but nothing reads them any more: their data does not come along`;
}

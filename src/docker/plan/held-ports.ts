import type { ObservedContainer } from '../types.ts';

/** A port of the host that a service publishes. */
export interface PublishedPort {
  service: string;
  host: number;
}

/**
 * The ports of this host that a project's own containers have. One that ends and is started again and again has its ports only while
 * it runs: at one look the engine lists none, and at the next they are taken, by that same container.
 * @param published what its services publish, as they were started
 */
export function heldPorts(
  containers: readonly Pick<ObservedContainer, 'service' | 'state' | 'ports'>[],
  published: readonly PublishedPort[],
): Set<number> {
  const alive = containers.filter(({ state }) => state === 'running' || state === 'restarting');
  const names = new Set(alive.map(({ service }) => service));
  return new Set([
    ...alive.flatMap(({ ports }) => ports.map(({ host }) => host)),
    ...published.filter(({ service }) => names.has(service)).map(({ host }) => host),
  ]);
}

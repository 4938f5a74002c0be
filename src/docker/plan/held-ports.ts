import type { ObservedContainer } from '../types.ts';

/** A port of the host that a service publishes. */
export interface PublishedPort {
  service: string;
  host: number;
  protocol?: 'tcp' | 'udp' | undefined;
}

/** A port as sets of ports have it: 51820/udp is another one than 51820/tcp. */
export const portKey = (host: number, protocol: 'tcp' | 'udp' = 'tcp'): string => `${host}/${protocol}`;

/**
 * The ports of this host that a project's own containers have. One that ends and is started again and again has its ports only while
 * it runs: at one look the engine lists none, and at the next they are taken, by that same container.
 * @param published what its services publish, as they were started
 * @returns by `portKey`
 */
export function heldPorts(
  containers: readonly Pick<ObservedContainer, 'service' | 'state' | 'ports'>[],
  published: readonly PublishedPort[],
): Set<string> {
  const alive = containers.filter(({ state }) => state === 'running' || state === 'restarting');
  const names = new Set(alive.map(({ service }) => service));
  return new Set([
    ...alive.flatMap(({ ports }) => ports.map(({ host, udp }) => portKey(host, udp && 'udp'))),
    ...published.filter(({ service }) => names.has(service)).map(({ host, protocol }) => portKey(host, protocol)),
  ]);
}

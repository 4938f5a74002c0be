import { UserError } from '../../core/errors.ts';
import { heldPorts, type PublishedPort, portKey } from '../../docker/plan/held-ports.ts';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import { isTaken, processOn } from '../../host/ports.ts';
import type { Stack } from '../../stack/types.ts';

/**
 * Docker would find out only while it starts the container.
 * @param starting services that get a container or start one
 * @param published what the services of the last `up` publish
 * @param freed ports of TCP that a step frees before the containers start
 * @throws UserError PORT_TAKEN
 */
export async function refuseTakenPorts(
  stack: Stack,
  starting: ReadonlySet<string>,
  {
    containers,
    published,
    freed,
    engine,
  }: { containers: readonly ObservedContainer[]; published: readonly PublishedPort[]; freed: readonly number[]; engine: Engine },
): Promise<void> {
  const ours = new Set([...heldPorts(containers, published), ...freed.map((port) => portKey(port))]);
  for (const service of stack.services.filter((entry) => starting.has(entry.name))) {
    for (const port of service.ports) {
      if (ours.has(portKey(port.host, port.protocol)) || !(await isTaken(port.address, port.host, port.protocol))) continue;
      const owner =
        (await engine.portOwner(port.host, port.protocol)) ??
        processOn(port.host, port.protocol) ??
        'another program (run as root to see which)';
      throw new UserError(
        'PORT_TAKEN',
        `port ${port.host} on ${port.address} is already in use by ${owner}; nothing was changed`,
        `stop it, or choose another port: \`${port.setting}: ${port.host > 64000 ? port.host - 1000 : port.host + 1000}\` in medianest.yml`,
      );
    }
  }
}

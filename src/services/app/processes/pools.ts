import type { JsonObject } from '../../../core/json.ts';
import type { BuildInput } from '../../../stack/service.ts';
import { appTls } from '../portal.ts';
import { FIRST_PROCESS, type Process, replicasOf, slotNames, slotsOf } from './process.ts';

/** What the balancer knows of a process that listens: a pool of its own, with a slot for each replica that there may be. */
export function poolView(process: Process, input: BuildInput): JsonObject {
  const { name, own } = process;
  const { ready } = own;
  const replicas = replicasOf(process).map((replica) => replica.name);
  return {
    name,
    tls: appTls(own, input),
    sticky: own.sticky,
    cookie: name === FIRST_PROCESS ? 'medianest_replica' : `medianest_replica_${name}`,
    // HAProxy lets no two expressions share one.
    checks: name === FIRST_PROCESS ? 'virt@checks' : `virt@checks-${name}`,
    readyPath: own.readyPath,
    ready: {
      statuses: ready.statuses.join(','),
      interval: ready.intervalSeconds,
      fast: Math.max(1, Math.floor(ready.intervalSeconds / 2)),
      rise: ready.rise,
      fall: ready.fall,
    },
    // As they stand in the configuration: a name, an address, and what is different of each.
    servers: slotNames(process, slotsOf(process, input)).map((slot) =>
      [
        ...[slot.name, `${input.address('app', slot.host)}:${own.port}`, 'check'],
        ...(own.sticky ? ['cookie', slot.name] : []),
        ...(replicas.includes(slot.name) ? [] : ['disabled']),
      ].join(' '),
    ),
  };
}

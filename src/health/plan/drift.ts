import type { Check } from '../../capability/check.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ObservedContainer, ObservedNetwork } from '../../docker/types.ts';
import { composeNetworks, composeServices } from '../../reconcile/plan/change.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';

/** What runs, beside what was rendered last. */
export interface Running {
  project: string;
  /** Text of the Compose file that was rendered last, and of the operator's override. */
  compose: string;
  override: string | undefined;
  /** Rendered files that are not as they were written. */
  edited: readonly string[];
  containers: readonly ObservedContainer[];
  networks: readonly ObservedNetwork[];
  /** Containers in the networks of the project that are not its own. */
  guests: readonly { container: string; network: string; ours: boolean }[];
}

const names = (list: readonly string[]): string => [...new Set(list)].sort().join(', ');

/** Whether containers and files are those that were rendered last: an interrupted `up`, or a change by hand, is told. */
export function driftCheck({ compose, edited, containers }: Running): Check {
  const services = composeServices(compose);
  const renderedFor = (service: string) => (services[service]?.labels as JsonObject | undefined)?.[LABEL.inputs];
  const old = containers
    .filter(({ service, inputs }) => renderedFor(service) !== undefined && inputs !== renderedFor(service))
    .map(({ service }) => service);
  const id = 'drift';
  if (edited.length > 0)
    return {
      id,
      status: 'warn',
      message: `${names(edited)}: edited by hand, or removed`,
      remedy: 'medianest plan shows the difference; medianest up --overwrite writes what the settings say',
    };
  if (old.length > 0)
    return {
      id,
      status: 'warn',
      message: `${names(old)}: not made from what was rendered last (an interrupted command, or a change by hand)`,
      remedy: 'medianest up',
    };
  return { id, status: 'ok', message: 'containers and files are those that were rendered last' };
}

/** Whether the networks separate what they should: none is open that was rendered closed, and no stranger is in one. */
export function segmentationCheck({ project, compose, override, containers, networks, guests }: Running): Check {
  const [services, own, opens] = [composeServices(compose), composeServices(override), composeNetworks(override)];
  const id = 'segmentation';
  const opened = Object.entries(composeNetworks(compose))
    .filter(
      ([name, { internal }]) =>
        internal && opens[name]?.internal !== false && networks.find((network) => network.name === volumeName(project, name))?.outbound,
    )
    .map(([name]) => name);
  if (opened.length > 0)
    return {
      id,
      status: 'fail',
      message: `${names(opened)}: the network leads outside, and should not`,
      remedy: 'medianest down, then medianest up: the network is made again',
    };
  const strangers = guests.filter(({ ours }) => !ours).map(({ container, network }) => `${container} in ${network}`);
  if (strangers.length > 0)
    return {
      id,
      status: 'warn',
      message: `not of this stack: ${names(strangers)}`,
      remedy: 'docker network disconnect NETWORK CONTAINER, or add the service in compose.override.yml',
    };
  const joined = containers.flatMap(({ service, name, addresses }) => {
    // What the operator's override says about its networks is meant.
    if (!services[service] || own[service]?.networks || services[service].network_mode === 'host') return [];
    const wanted = Object.keys((services[service].networks ?? {}) as JsonObject).map((network) => volumeName(project, network));
    return Object.keys(addresses)
      .filter((network) => !wanted.includes(network))
      .map((network) => `${name} in ${network}`);
  });
  if (joined.length > 0)
    return { id, status: 'warn', message: `joined by hand: ${names(joined)}`, remedy: 'docker network disconnect NETWORK CONTAINER' };
  return { id, status: 'ok', message: 'each container is in its networks alone, and no network leads further than it should' };
}

import type Docker from 'dockerode';
import { LABEL } from '../stack/labels.ts';
import type { Neighbour, Owned } from './types.ts';

/** The engine's lists -> what of them is ours, and what is others'. */

/** The label by which Compose notes the folder that a container was started from. */
export const COMPOSE_FOLDER = 'com.docker.compose.project.working_dir';

export const containerName = (names: readonly string[]): string => (names[0] ?? '').replace(/^\//, '');

/** Of all containers and networks, those that carry our label. */
export function toOwned(containers: readonly Docker.ContainerInfo[], networks: readonly Docker.NetworkInspectInfo[]): Owned {
  const used = new Set(containers.flatMap((container) => Object.keys(container.NetworkSettings.Networks)));
  return {
    containers: containers.flatMap((container) => {
      const project = container.Labels[LABEL.project];
      if (project === undefined) return [];
      return [
        {
          name: containerName(container.Names),
          project,
          running: container.State === 'running',
          stateFolder: container.Labels[COMPOSE_FOLDER],
        },
      ];
    }),
    networks: networks.flatMap((network) => {
      const project = network.Labels?.[LABEL.project];
      return project === undefined ? [] : [{ name: network.Name, project, used: used.has(network.Name) }];
    }),
  };
}

export const toNeighbour = (container: Docker.ContainerInfo): Neighbour => ({
  name: containerName(container.Names),
  image: container.Image,
  ports: Object.fromEntries(container.Ports.flatMap((port) => (port.PublicPort ? [[port.PrivatePort, port.PublicPort]] : []))),
  hostNetwork: container.HostConfig.NetworkMode === 'host',
});

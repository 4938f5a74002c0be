import type { ObservedContainer } from '../../docker/types.ts';

/** What is there of the front. */
export interface SeenFront {
  container: Pick<ObservedContainer, 'state' | 'health' | 'inputs' | 'image'> | undefined;
  /** Hash of the configuration that it was last told to read; undefined where that is not known. */
  applied: string | undefined;
  /** It runs from a folder that was deleted since: what is written into the new one of that name, it does not see. */
  lost?: boolean;
}

/** What has to be done about the front, and why. */
export interface Due {
  /** `up`: a container is made, started or replaced. `reload`: it reads its configuration, and drops no connection. */
  action: 'up' | 'reload';
  cause: string;
}

/**
 * Whether Compose is to replace the container: it leaves one alone that is as it should be, also where that is not well, or starts with
 * a configuration from before. @param config hash of the one that it is to have
 */
export const isStuck = ({ container, applied, lost }: SeenFront, config: string): boolean =>
  lost === true ||
  container?.health === 'unhealthy' ||
  container?.state === 'restarting' ||
  (container?.health === 'starting' && applied !== config);

/**
 * @param wanted hashes of what the container is made of and of its configuration; with `image`, what it is to run from
 * @returns undefined where nothing is due
 */
export function due({ container, applied, lost }: SeenFront, wanted: { inputs: string; config: string; image?: string }): Due | undefined {
  if (!container) return { action: 'up', cause: 'it is not there yet' };
  if (container.inputs !== wanted.inputs) return { action: 'up', cause: 'its ports changed: about 1 s without new connections' };
  if (lost) return { action: 'up', cause: 'its folder was deleted while it ran: about 1 s without new connections' };
  if (wanted.image !== undefined && container.image !== wanted.image)
    return { action: 'up', cause: 'there is a newer image: about 1 s without new connections' };
  if (container.state !== 'running') return { action: 'up', cause: `it is ${container.state}` };
  if (container.health === 'unhealthy' || container.health === 'starting') return { action: 'up', cause: `it is ${container.health}` };
  return applied === wanted.config ? undefined : { action: 'reload', cause: 'its projects or their names changed' };
}

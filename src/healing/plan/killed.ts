import { endedByFault } from '../../docker/plan/ends.ts';
import type { ContainerStory } from '../../docker/types.ts';

/** A container, and how its last life ended. */
export interface Ended {
  service: string;
  state: string;
  /** Undefined where it is gone. */
  story: ContainerStory | undefined;
}

/**
 * The services whose containers a fault or a kill has ended. After `docker kill`, Docker's restart policy starts nothing; what was
 * stopped on purpose stays stopped.
 */
export const killed = (containers: readonly Ended[]): Ended[] =>
  containers.filter(({ state, story }) => (state === 'exited' || state === 'dead') && story && endedByFault(story.exitCode));

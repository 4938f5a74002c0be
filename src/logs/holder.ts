import type { ObservedContainer } from '../docker/types.ts';
import { LOGS_VOLUME } from '../services/agent/log-egress.ts';
import { volumeName } from '../stack/labels.ts';

/** The container that has the volume of logs: the agent's, running or not. */
export const holderOf = (containers: readonly ObservedContainer[], project: string): ObservedContainer | undefined =>
  containers.find(({ volumes }) => volumes.includes(volumeName(project, LOGS_VOLUME)));

import { LABEL } from '../../stack/labels.ts';

/** All that the agent ever asks of the engine, letter by letter: the proxy lets these pass and nothing else. */
export interface EngineRequests {
  ping: string;
  /** What happens to the project's containers, as a stream. */
  events: string;
  /** The project's containers, running or not. */
  list: string;
}

const query = (filters: object): string => `filters=${encodeURIComponent(JSON.stringify(filters))}`;

export function engineRequests(project: string): EngineRequests {
  const label = [`${LABEL.project}=${project}`];
  return {
    ping: '/_ping',
    events: `/events?${query({ type: ['container'], label, event: ['die', 'oom', 'start', 'pause', 'unpause', 'kill', 'stop', 'health_status'] })}`,
    list: `/containers/json?all=1&${query({ label })}`,
  };
}

/** As Docker Compose names them. */
export const containerName = (project: string, service: string): string => `${project}-${service}-1`;

/** What may be read, and what may be done, about one container. */
export const containerReads = (container: string): string[] => [`/containers/${container}/json`];
/** What a container uses, at once: without `one-shot` the engine waits a second for a second look. */
export const containerStats = (container: string): string => `/containers/${container}/stats?stream=false&one-shot=true`;
export const containerChanges = (container: string): string[] => [
  `/containers/${container}/kill?signal=KILL`,
  `/containers/${container}/start`,
  // Without a time: the container's own grace counts.
  `/containers/${container}/restart`,
];

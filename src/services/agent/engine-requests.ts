import { LABEL } from '../../stack/labels.ts';

/** All that the agent ever asks of the engine, letter by letter: the proxy lets these pass and nothing else. */
export interface EngineRequests {
  ping: string;
  /** What happened to the project's containers from a moment on, and what happens, as a stream: the moment follows (`since`). */
  events: string;
  /** The project's containers, running or not. */
  list: string;
}

const query = (filters: object): string => `filters=${encodeURIComponent(JSON.stringify(filters))}`;

export function engineRequests(project: string): EngineRequests {
  const label = [`${LABEL.project}=${project}`];
  return {
    ping: '/_ping',
    events: `/events?${query({ type: ['container'], label, event: ['die', 'oom', 'start', 'pause', 'unpause', 'kill', 'stop', 'health_status'] })}&since=`,
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
/** The lines of a container, and those that follow; the moment from which on they are wanted comes last. */
export const containerLogs = (container: string): string => `/containers/${container}/logs?follow=1&stdout=1&stderr=1&timestamps=1&since=`;
/** What ends in a moment is compared by a pattern: seconds and nine digits of their fraction, another each time, and nothing but digits. */
export const sincePattern = (request: string): string => `^${request.replace(/[.?]/g, '\\$&')}[0-9]{1,12}\\.[0-9]{9}$`;

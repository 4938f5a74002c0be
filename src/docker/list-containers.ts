import type { Life } from './plan/lives.ts';
import { getJson } from './socket-get.ts';
import type { ContainerStory } from './types.ts';

/** All containers with a label, running or not, asked at the engine's socket: what most commands ask first, and often all they ask. */
export const listContainers = <T>(socketPath: string, label: string): Promise<T[]> =>
  getJson<T[]>(socketPath, `/containers/json?all=true&filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`);

/** What `docker inspect` says of a container's lives. */
export interface Inspected {
  Created: string;
  RestartCount?: number;
  State: { StartedAt: string };
}

export const inspectContainer = (socketPath: string, id: string): Promise<Inspected> => getJson(socketPath, `/containers/${id}/json`);

export const toLife = ({ Created, RestartCount, State }: Inspected): Life => ({
  // An imitation of the engine may not count them.
  restarts: RestartCount ?? 0,
  created: Date.parse(Created),
  started: Date.parse(State.StartedAt),
});

/** What `docker inspect` says of how a container is and how it ended. */
interface Ended {
  State: {
    Status: string;
    ExitCode: number;
    OOMKilled: boolean;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
    Health?: { Log: { End: string; ExitCode: number; Output: string }[] | null } | undefined;
  };
  HostConfig: { Memory?: number | undefined };
}

export function toStory({ State, HostConfig }: Ended): ContainerStory {
  const checks = State.Health?.Log ?? [];
  return {
    running: State.Status === 'running',
    exitCode: State.ExitCode,
    oomKilled: State.OOMKilled,
    error: State.Error,
    started: moment(State.StartedAt),
    finished: moment(State.FinishedAt),
    memoryLimit: HostConfig.Memory ?? 0,
    checks: checks.map(({ End, ExitCode, Output }) => ({ at: new Date(End), exitCode: ExitCode, output: Output.trim() })),
  };
}

/** The engine writes the year 1 for what has not happened. */
const moment = (text: string): Date | undefined => (text.startsWith('0001-') ? undefined : new Date(text));

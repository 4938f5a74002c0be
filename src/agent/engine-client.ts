import http from 'node:http';
import { containerChanges, containerReads, containerStats } from '../services/agent/engine-requests.ts';
import type { AgentConfig } from './config.ts';
import type { RawStats } from './metrics/plan/container-metrics.ts';
import { onUnanswered } from './unanswered.ts';

/** What the engine says of one container (`docker inspect`, State). */
export interface ContainerState {
  running: boolean;
  paused: boolean;
  restarting: boolean;
  /** 0 where no process of it is left. */
  pid: number;
}

/** One of the list of all containers. */
export interface ListedContainer {
  container: string;
  /** created, running, paused, restarting, exited, dead. */
  state: string;
  exitCode: number | undefined;
  health: 'healthy' | 'unhealthy' | 'starting' | 'none';
}

/** How often a container was started. */
export interface ContainerLife {
  /** By the restart policy, since it was last started on purpose. */
  restarts: number;
  /** Seconds since 1970. */
  startedAt: number;
  /** What its health check printed last; empty where it has none, or has not run it yet. */
  said?: string;
}

export interface EngineEvent {
  action: string;
  container: string;
  /** Seconds since 1970. */
  at: number;
}

/** The stream of events, over all its connections: what happens while there is none is heard by the next one. */
export interface EventStream {
  /** The moment from which on events are new, as the engine wants it. It keeps its last 256 of all containers: the checks of health are among them. */
  since: string;
  /** When the present connection began, by the monotonic clock; undefined where there is none. */
  connectedAt: number | undefined;
}

export const newEventStream = (): EventStream => ({ since: '0.000000000', connectedAt: undefined });

const READ_MS = 5_000;
const START_MS = 30_000;
// As long as the proxy waits for it: a container may take its whole grace to stop.
const RESTART_MS = 150_000;

/** The engine as its proxy shows it: only what services/agent/engine-requests.ts lists is answered. */
export function engineClient({ engine }: AgentConfig) {
  const call = (method: string, path: string, timeout: number) =>
    new Promise<string>((resolve, reject) => {
      const request = http.request({ socketPath: engine.socket, path, method, headers: { 'content-length': 0 } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject).on('end', () => {
          const { statusCode = 0 } = response;
          // 304: it is so already.
          if (statusCode < 300 || statusCode === 304) resolve(text);
          else reject(new EngineError(statusCode, `the engine answered ${statusCode} to ${method} ${path}: ${text.slice(0, 300).trim()}`));
        });
      });
      // Counted from the start: a slow answer that drips in is too late as well.
      const timer = setTimeout(
        () => request.destroy(new Error(`the engine did not answer ${method} ${path} in ${timeout / 1000} s`)),
        timeout,
      );
      request.on('error', reject).on('close', () => clearTimeout(timer));
      onUnanswered(request, 'the engine', reject);
      request.end();
    });
  const change = (container: string, index: number, timeout: number) =>
    call('POST', containerChanges(container)[index] as string, timeout).then(() => undefined);

  return {
    inspect: async (container: string): Promise<ContainerState> => {
      const { State } = JSON.parse(await call('GET', containerReads(container)[0] as string, READ_MS)) as {
        State: { Running: boolean; Paused: boolean; Restarting: boolean; Pid: number };
      };
      return { running: State.Running, paused: State.Paused, restarting: State.Restarting, pid: State.Pid };
    },
    lifeOf: async (container: string): Promise<ContainerLife> => {
      const { RestartCount, State } = JSON.parse(await call('GET', containerReads(container)[0] as string, READ_MS)) as {
        RestartCount: number;
        State: { StartedAt: string; Health?: { Log?: { Output: string }[] | null } };
      };
      const said = State.Health?.Log?.at(-1)?.Output ?? '';
      return { restarts: RestartCount, startedAt: Math.floor(Date.parse(State.StartedAt) / 1000), said };
    },
    stats: async (container: string): Promise<RawStats> => JSON.parse(await call('GET', containerStats(container), READ_MS)) as RawStats,
    list: async (): Promise<ListedContainer[]> => (JSON.parse(await call('GET', engine.list, READ_MS)) as Listed[]).map(listed),
    /** SIGKILL, which also ends what is paused. Answered once the container is dead. */
    kill: (container: string) => change(container, 0, START_MS),
    start: (container: string) => change(container, 1, START_MS),
    restart: (container: string) => change(container, 2, RESTART_MS),
    /** Tells what has happened and what happens until the connection ends, as it does when the engine or its proxy goes. */
    events: (stream: EventStream, onEvent: (event: EngineEvent) => void, signal: AbortSignal) =>
      follow({ socketPath: engine.socket, path: `${engine.events}${stream.since}`, signal }, stream, onEvent).finally(() => {
        stream.connectedAt = undefined;
      }),
  };
}

export type EngineClient = ReturnType<typeof engineClient>;

class EngineError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Listed {
  Names: string[];
  State: string;
  Status: string;
}

function listed({ Names, State, Status }: Listed): ListedContainer {
  const health = /\((healthy|unhealthy|health: starting)\)/.exec(Status)?.[1]?.replace('health: ', '');
  const exit = /^(?:Exited|Restarting) \((\d+)\)/.exec(Status)?.[1];
  return {
    container: (Names[0] ?? '').replace(/^\//, ''),
    state: State,
    exitCode: exit === undefined ? undefined : Number(exit),
    health: (health as ListedContainer['health'] | undefined) ?? 'none',
  };
}

interface RawEvent {
  Action: string;
  Actor: { Attributes: { name?: string } };
  timeNano: number;
}

function follow(options: http.RequestOptions, stream: EventStream, onEvent: (event: EngineEvent) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(options, (response) => {
      if (response.statusCode !== 200) {
        response.resume();
        reject(new EngineError(response.statusCode ?? 0, `the engine answered ${response.statusCode} to GET ${options.path}`));
        return;
      }
      stream.connectedAt = performance.now();
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        try {
          for (const line of lines.filter((text) => text.trim())) {
            const { Action, Actor, timeNano } = JSON.parse(line) as RawEvent;
            stream.since = after(line) ?? stream.since;
            onEvent({ action: Action, container: Actor.Attributes.name ?? '', at: timeNano / 1e9 });
          }
        } catch (error) {
          // What is no event, such as an error of the engine, would end the agent.
          reject(error);
          response.destroy();
        }
      });
      response.on('error', reject).on('end', resolve).on('close', resolve);
    });
    request.on('error', reject);
    onUnanswered(request, 'the engine', reject);
  });
}

/** The next nanosecond after an event: a number of JavaScript is too short for it. */
function after(line: string): string | undefined {
  const nanoseconds = /"timeNano":(\d{10,21})\b/.exec(line)?.[1];
  return nanoseconds && String(BigInt(nanoseconds) + 1n).replace(/(\d{9})$/, '.$1');
}

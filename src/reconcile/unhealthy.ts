import { UserError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import type { Task } from '../core/reporter.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';

/** Read, and shown at most. */
const LOG_LINES = { read: 40, shown: 8, ordinary: 3, width: 240 };

/** Two checks of the slowest health check: after that a running container does not recover without help. */
const RECOVERY_SECONDS = 20;

/** It runs, and nothing says that it is not healthy. */
export const isWell = (container: ObservedContainer): boolean =>
  container.state === 'running' && (container.health === 'healthy' || container.health === 'none');

/** The last lines that a container has said; of a program that logs JSON those that are no ordinary news, where there are any. */
export async function tellingLines(engine: Engine, id: string): Promise<string[]> {
  const lines = await engine.lastLogLines(id, LOG_LINES.read);
  const ordinary = (line: string) => /"level":\s*"(trace|debug|info)"/.test(line);
  const loud = lines.filter((line) => !ordinary(line));
  const shown = loud.length > 0 ? loud.slice(-LOG_LINES.shown) : lines.slice(-LOG_LINES.ordinary);
  return shown.map((line) => (line.length > LOG_LINES.width ? `${line.slice(0, LOG_LINES.width)} ...` : line));
}

const unwell = async (engine: Engine, project: string, only: readonly string[] | undefined): Promise<ObservedContainer[]> =>
  (await engine.observe(project)).filter((container) => !isWell(container) && (!only || only.includes(container.service)));

/** Whether a container that runs has not been found healthy, or is so no more. */
export const isAwaited = async (engine: Engine, project: string, only?: readonly string[]): Promise<boolean> =>
  (await unwell(engine, project, only)).some(({ state }) => state === 'running');

/**
 * Compose gives up at once on a container that was unhealthy before (it was paused, or its database was away), though
 * its next check may find it well, or already has. Waits for that as long as all that is unwell at least runs.
 * @param patience how long at most, in seconds, and whether what ends meanwhile and is started again counts as running
 */
export async function recovers(
  engine: Engine,
  project: string,
  waitSeconds: number,
  signal: AbortSignal,
  only?: readonly string[],
  patience: { seconds: number; restarts: boolean } = { seconds: RECOVERY_SECONDS, restarts: false },
): Promise<boolean> {
  const look = async () => {
    const bad = await unwell(engine, project, only);
    if (bad.length === 0) return true;
    return bad.some(({ state }) => state !== 'running' && !(patience.restarts && state === 'restarting')) ? false : undefined;
  };
  return (await poll(look, { every: 500, timeout: Math.min(waitSeconds, patience.seconds) * 1000, signal })) ?? false;
}

/** `not healthy yet: app-1, postgres-1`. */
export const awaitedText = (names: readonly string[]): string =>
  `not healthy yet: ${[...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).join(', ')}`;

/** Shows which containers are still waited for, while they are. @returns what ends it */
export function showAwaited(engine: Engine, project: string, task: Task | undefined, only?: readonly string[]): () => void {
  if (!task) return () => {};
  let last = '';
  let asking = false;
  const look = async () => {
    if (asking) return;
    asking = true;
    // An engine that cannot be asked is for the work itself to report.
    const names = (await unwell(engine, project, only).catch(() => [])).map(({ service }) => service);
    asking = false;
    const text = awaitedText(names);
    if (names.length === 0 || text === last || ended) return;
    last = text;
    task.detail(text);
  };
  let ended = false;
  const timer = setInterval(look, 1000);
  return () => {
    ended = true;
    clearInterval(timer);
  };
}

/** Which services are not well, each with its state and its last log lines; undefined when all are. */
export async function unhealthyError(engine: Engine, project: string, only?: readonly string[]): Promise<UserError | undefined> {
  const bad = await unwell(engine, project, only);
  if (bad.length === 0) return undefined;
  const details = await Promise.all(
    bad.map(async (container) => {
      const lines = await tellingLines(engine, container.id);
      return [`${container.service} is not healthy: ${container.status}`, ...lines.map((line) => `    ${line}`)].join('\n');
    }),
  );
  return new UserError('UNHEALTHY', details.join('\n  '), remedy(bad));
}

function remedy(bad: readonly ObservedContainer[]): string {
  const paused = bad.find((container) => container.state === 'paused');
  return paused
    ? `it is paused: docker unpause ${paused.name}`
    : `\`medianest logs ${bad[0]?.service}\` shows more; correct the cause and run \`medianest up\` again`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import type { Engine, ObservedContainer } from './types.ts';

const LOG_LINES = 8;

/** Two checks of the slowest health check: after that a container that runs does not recover by itself. */
const RECOVERY_SECONDS = 20;

const isWell = (container: ObservedContainer): boolean =>
  container.state === 'running' && (container.health === 'healthy' || container.health === 'none');

/**
 * Compose gives up at once on a container that was unhealthy before (it was paused, or its database was away), though
 * its next check may find it well. Waits for that as long as all that is unwell at least runs.
 */
export async function recovers(engine: Engine, project: string, waitSeconds: number, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + Math.min(waitSeconds, RECOVERY_SECONDS) * 1000;
  for (let waited = false; ; waited = true) {
    const bad = (await engine.observe(project)).filter((container) => !isWell(container));
    if (bad.length === 0) return waited;
    if (bad.some((container) => container.state !== 'running') || Date.now() > deadline || signal.aborted) return false;
    await sleep(500);
  }
}

/** Which services are not well, each with its state and its last log lines; undefined when all are. */
export async function unhealthyError(engine: Engine, project: string): Promise<UserError | undefined> {
  const bad = (await engine.observe(project)).filter((container) => !isWell(container));
  if (bad.length === 0) return undefined;
  const details = await Promise.all(
    bad.map(async (container) => {
      const lines = await engine.lastLogLines(container.id, LOG_LINES);
      return [`${container.service} is not healthy: ${container.status}`, ...lines.map((line) => `    ${line}`)].join('\n');
    }),
  );
  return new UserError('UNHEALTHY', details.join('\n  '), remedy(bad));
}

function remedy(bad: readonly ObservedContainer[]): string {
  const paused = bad.find((container) => container.state === 'paused');
  return paused
    ? `somebody has paused it: docker unpause ${paused.name}`
    : `\`medianest logs ${bad[0]?.service}\` shows more; correct the cause and run \`medianest up\` again`;
}

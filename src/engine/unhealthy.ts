import { UserError } from '../errors.ts';
import type { Engine, ObservedContainer } from './types.ts';

const LOG_LINES = 8;

/** Which services are not well, each with its state and its last log lines; undefined when all are. */
export async function unhealthyError(engine: Engine, project: string): Promise<UserError | undefined> {
  const bad = (await engine.observe(project)).filter(
    (container) => container.state !== 'running' || (container.health !== 'healthy' && container.health !== 'none'),
  );
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

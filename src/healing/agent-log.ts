import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { type AgentAction, agentAction } from './plan/agent-status.ts';

/** Its container was replaced since it was seen, and its log is gone. */
const GONE = /No such container/i;

/**
 * What the agent and its proxy logged, the oldest first.
 * @param which options of `docker logs`
 * @throws UserError ENGINE_FAILED if the engine does not give its log, as with a log driver that cannot be read: what it did is not known then
 */
export async function agentLog(
  context: Context,
  containers: readonly ObservedContainer[],
  which: readonly string[],
): Promise<AgentAction[]> {
  const docker = await context.docker();
  const actions: AgentAction[] = [];
  for (const { id, service } of containers) {
    const { exitCode, tail } = await docker.run(['logs', ...which, id], {
      signal: context.signal,
      onLine: (line) => {
        const action = agentAction(line);
        if (action) actions.push(action);
      },
    });
    const why = tail.at(-1)?.trim() ?? '';
    if (exitCode !== 0 && !GONE.test(why))
      throw new UserError('ENGINE_FAILED', `the log of ${service} cannot be read: ${why || `status ${exitCode}`}`, 'docker logs says more');
  }
  return actions.sort((a, b) => (a.time < b.time ? -1 : 1));
}

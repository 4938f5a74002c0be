import type { Context } from '../capability/capability.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { type AgentAction, agentAction } from './plan/agent-status.ts';

/** What the agent and its proxy logged, the oldest first. @param which options of `docker logs` */
export async function agentLog(
  context: Context,
  containers: readonly ObservedContainer[],
  which: readonly string[],
): Promise<AgentAction[]> {
  const docker = await context.docker();
  const actions: AgentAction[] = [];
  for (const { id } of containers)
    await docker.run(['logs', ...which, id], {
      signal: context.signal,
      onLine: (line) => {
        const action = agentAction(line);
        if (action) actions.push(action);
      },
    });
  return actions.sort((a, b) => (a.time < b.time ? -1 : 1));
}

import type { Context, Seen } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { agentAction } from '../healing/plan/agent-status.ts';
import { containersOf } from '../stack/roles.ts';
import { type HealingAction, healingOf } from './plan/incidents.ts';

/** Lines of the agent’s log that are read at most. */
const LINES = '20000';

/** What the agent did to services, the oldest first, as far back as the logs of its containers reach. */
export async function agentActions(context: Context, { containers, manifest }: Seen, since: Date): Promise<HealingAction[]> {
  const docker = await context.docker();
  const actions: NonNullable<ReturnType<typeof agentAction>>[] = [];
  for (const { id, service } of containersOf(containers, manifest?.services, 'agent')) {
    const { exitCode } = await docker.run(['logs', '--since', since.toISOString(), '--tail', LINES, id], {
      signal: context.signal,
      unbuffered: true,
      onLine: (line) => {
        const action = agentAction(line);
        if (action) actions.push(action);
      },
    });
    if (exitCode !== 0) throw new UserError('ENGINE_FAILED', `the log of ${service} cannot be read`, `medianest logs ${service}`);
  }
  return healingOf(actions.sort((a, b) => (a.time < b.time ? -1 : 1)));
}

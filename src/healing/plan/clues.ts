import type { Clue } from '../../capability/clue.ts';
import type { AgentAction } from './agent-status.ts';

/** Of one service so many are told: one that ends again and again fills the log. */
const MOST = 5;

/** What the agent's log says of these services, the oldest first. @param names container -> service */
export function cluesOf(actions: readonly AgentAction[], services: readonly string[], names: ReadonlyMap<string, string>): Clue[] {
  const all = actions.flatMap(({ time, what, facts }): Clue[] => {
    const { service, member, container, why, error } = facts;
    const whom = [service, member, typeof container === 'string' ? names.get(container) : undefined].find(
      (name) => typeof name === 'string',
    );
    if (typeof whom !== 'string' || !services.includes(whom)) return [];
    const reason = why ?? error;
    return [{ service: whom, at: time, source: 'agent', text: `${what}${typeof reason === 'string' ? ` (${reason})` : ''}` }];
  });
  return services.flatMap((name) => all.filter(({ service }) => service === name).slice(-MOST));
}

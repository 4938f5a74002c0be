import type { Seen } from '../capability/capability.ts';
import type { Clue, Suspicion } from '../capability/clue.ts';
import { containersOf } from '../stack/roles.ts';
import { agentLog } from './agent-log.ts';
import { cluesOf } from './plan/clues.ts';

/** What the agent saw of these services and did about them: its log outlives the engine's own memory of events, which is of a minute. */
export async function agentClues({ context, containers, manifest }: Seen, { services, from }: Suspicion): Promise<Clue[]> {
  const agents = containersOf(containers, manifest?.services, 'agent');
  const names = new Map(containers.map(({ name, service }) => [name, service]));
  return cluesOf(await agentLog(context, agents, ['--since', from.toISOString()]), services, names);
}

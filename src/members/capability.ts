import type { Capability } from '../capability/capability.ts';
import { controllerOf } from './agent-cli.ts';
import { failover, switchover } from './commands/leader.ts';
import { groupChecks } from './plan/group-checks.ts';

/** Groups whose members share data: who leads, and how another one does. */
export const members: Capability = {
  name: 'members',
  commands: [switchover, failover],
  checks: async (seen) => {
    const { parameterHealth } = await import('./parameters.ts');
    return [...groupChecks(seen.manifest, seen.members), ...(await parameterHealth(seen))];
  },
  notes: ({ manifest, containers, members: states }) => {
    const controller = controllerOf(manifest?.services);
    return controller && containers.length > 0 && !states
      ? [`${controller} does not answer: the leaders are unknown, and nothing is healed`]
      : [];
  },
};

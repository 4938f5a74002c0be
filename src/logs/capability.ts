import type { Capability } from '../capability/capability.ts';
import { logs as command } from './commands/logs.ts';

/** What containers write: shown here; taken, kept and shipped by the agent (src/agent/logs). */
export const logs = {
  name: 'logs',
  commands: [command],
  checks: async (seen) => {
    const { logChecks } = await import('./checks.ts');
    return logChecks(seen);
  },
} satisfies Capability;

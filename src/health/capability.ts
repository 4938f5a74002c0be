import type { Capability } from '../capability/capability.ts';
import { audit } from './commands/audit.ts';
import { health as command } from './commands/health.ts';
import { status } from './commands/status.ts';
import { why } from './commands/why.ts';

/** What runs and how well: it asks every capability, and knows none. */
export const health: Capability = {
  name: 'health',
  commands: [status, command, why, audit],
  checks: async (seen) => {
    const [{ roomChecks }, { externalChecks }, { driftChecks }] = await Promise.all([
      import('./disk-room.ts'),
      import('./external.ts'),
      import('./drift.ts'),
    ]);
    return (await Promise.all([roomChecks(seen), externalChecks(seen), driftChecks(seen)])).flat();
  },
};

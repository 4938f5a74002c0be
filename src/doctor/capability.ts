import type { Capability } from '../capability/capability.ts';
import { doctor as command } from './commands/doctor.ts';

/** The machine against the profile. */
export const doctor: Capability = {
  name: 'doctor',
  commands: [command],
  checks: async (seen) => {
    const { machineChecks } = await import('./machine-checks.ts');
    return machineChecks(seen);
  },
};

import type { Capability } from '../capability/capability.ts';
import { secretsList, secretsRotate } from './commands/secrets.ts';

/** Passwords and keys. */
export const secrets: Capability = {
  name: 'secrets',
  commands: [secretsList, secretsRotate],
  groups: { secrets: { section: 'Security', summary: 'Passwords and keys: list them, and replace them without an outage' } },
};

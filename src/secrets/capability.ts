import type { Capability } from '../capability/capability.ts';
import { secretsList, secretsRecover, secretsRotate } from './commands/secrets.ts';

/** Passwords and keys. */
export const secrets: Capability = {
  name: 'secrets',
  commands: [secretsList, secretsRotate, secretsRecover],
  groups: {
    secrets: {
      section: 'Security',
      summary: 'Passwords and keys: list them, replace them without an outage, bring them back',
    },
  },
};

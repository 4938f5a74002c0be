import type { Capability } from '../capability/capability.ts';
import { adopt } from './commands/adopt.ts';

/** Reads a Compose project that runs elsewhere, and proposes settings for it. */
export const adopting: Capability = { name: 'adopt', commands: [adopt] };

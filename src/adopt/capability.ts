import type { Capability } from '../capability/capability.ts';
import { adopt } from './commands/adopt.ts';

/** A Compose project that somebody has, as settings of this stack. */
export const adopting: Capability = { name: 'adopt', commands: [adopt] };

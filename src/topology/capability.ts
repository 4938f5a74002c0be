import type { Capability } from '../capability/capability.ts';
import { topology as command } from './commands/topology.ts';

/** A picture of the stack. */
export const topology: Capability = { name: 'topology', commands: [command] };

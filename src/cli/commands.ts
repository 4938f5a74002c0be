import { capabilities } from '../capabilities.ts';
import type { Command } from '../capability/capability.ts';
import { scheduleCommand } from '../schedule/command.ts';
import { completion } from './completion.ts';
import { version } from './version.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [
  ...capabilities.flatMap((capability) => [...(capability.commands ?? []), ...(capability.schedules ?? []).map(scheduleCommand)]),
  completion,
  version,
];

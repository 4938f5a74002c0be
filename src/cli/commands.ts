import { capabilities } from '../capabilities.ts';
import type { Capability, Command } from '../capability/capability.ts';
import { scheduleCommand } from '../schedule/command.ts';
import { completion } from './completion.ts';
import { version } from './version.ts';

/** What capabilities offer on the command line: their commands, and one for each schedule. */
export const commandsOf = (all: readonly Capability[]): Command[] =>
  all.flatMap(({ commands: own = [], schedules = [] }) => [...own, ...schedules.map(scheduleCommand)]);

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [...commandsOf(capabilities), completion, version];

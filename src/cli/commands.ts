import { capabilities } from '../capabilities.ts';
import type { Capability, Command } from '../capability/capability.ts';
import { type Group, SECTIONS, type Section } from '../capability/section.ts';
import { scheduleCommand } from '../schedule/commands/schedule.ts';
import { completion } from './completion.ts';
import { version } from './version.ts';

/** What capabilities offer on the command line: their commands, and one for each schedule. */
export const commandsOf = (all: readonly Capability[]): Command[] =>
  all.flatMap(({ commands: own = [], schedules = [] }) => [...own, ...schedules.map(scheduleCommand)]);

/** By the first word that its commands share. */
export const groups: Readonly<Record<string, Group>> = Object.assign({}, ...capabilities.map((capability) => capability.groups));

const every = [...commandsOf(capabilities), completion, version];

/** Where `--help` lists a first word. */
export function sectionOf(word: string): Section {
  const section = groups[word]?.section ?? every.find(({ name }) => name === word)?.section;
  if (!section) throw new Error(`${word}: neither the command nor its capability says in which section it is`);
  return section;
}

const place = ({ name }: Command) => SECTIONS.indexOf(sectionOf(name.split(' ')[0] as string));

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = every.sort((a, b) => place(a) - place(b));

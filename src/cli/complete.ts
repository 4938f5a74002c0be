import type { Command } from '../capability/capability.ts';

/** What may stand at a place: a word, and what it means. */
export interface Candidate {
  value: string;
  description: string;
}

/** Told to the shell instead of words: it completes names of files itself. */
export const FILES: Candidate = { value: ':files', description: '' };

/** Values by the name that a placeholder has in a command's usage, such as `[services...]` or `--profile <profile>`. */
export type Values = (placeholder: string) => readonly Candidate[];

type OptionTable = readonly (readonly [flags: string, description: string, ...rest: unknown[]])[];

/**
 * The words that fit behind what was typed. All of it follows from the commands as they describe themselves, so that a
 * new one completes by itself.
 * @param words what was typed behind `medianest`, the last one unfinished and perhaps empty
 */
export function complete(words: readonly string[], commands: readonly Command[], globals: OptionTable, values: Values): Candidate[] {
  const current = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const command = commandOf(before, commands);
  const options: OptionTable = [...(command?.options ?? []), ...globals];
  const [, flag, begun] = /^(--[\w-]+)=(.*)$/.exec(current) ?? [];
  if (flag !== undefined)
    return fitting(valuesOf(flag, options, values), begun ?? '').map((entry) => ({ ...entry, value: `${flag}=${entry.value}` }));
  const waiting = before.at(-1) ?? '';
  if (placeholderOf(waiting, options, true) !== undefined) return fitting(valuesOf(waiting, options, values), current);
  const typed = positional(before, options);
  // `exec SERVICE PROGRAM ...`: the rest belongs to another program.
  if (command?.passThrough && typed.length > command.name.split(' ').length) return [FILES];
  if (current.startsWith('-')) return fitting(options.flatMap(longFlag), current);
  if (typed[0] === 'help') return fitting(helpWords(typed.slice(1), commands, values), current);
  if (!command) return fitting(nextWords(typed, commands, values('group')), current);
  const placeholder = argumentAt(command, typed.length - command.name.split(' ').length);
  return placeholder === undefined ? [] : fitting(expand(placeholder, values), current);
}

/** The longest command whose words were typed. */
export function commandOf(before: readonly string[], commands: readonly Command[]): Command | undefined {
  const typed = before.filter((word) => !word.startsWith('-'));
  const fits = ({ name }: Command) => {
    const parts = name.split(' ');
    const at = typed.indexOf(parts[0] as string);
    return at >= 0 && parts.every((part, index) => typed[at + index] === part);
  };
  return [...commands].filter(fits).sort((a, b) => b.name.length - a.name.length)[0];
}

/** Words that are neither options nor their values. */
function positional(before: readonly string[], options: OptionTable): string[] {
  return before.filter((word, index) => !word.startsWith('-') && placeholderOf(before[index - 1] ?? '', options, true) === undefined);
}

/** Behind `help`: a topic, or the words of a command. */
function helpWords(typed: readonly string[], commands: readonly Command[], values: Values): readonly Candidate[] {
  if (typed[0] === 'topic') return typed.length === 1 ? values('topic') : [];
  const words = nextWords(typed, commands, values('group')).filter(({ value }) => value !== 'help');
  if (typed.length > 0) return words;
  const topics = [{ value: 'topic', description: 'About a topic' }, ...values('topic')];
  return [...topics, ...words.filter(({ value }) => !topics.some((topic) => topic.value === value))];
}

function nextWords(typed: readonly string[], commands: readonly Command[], groups: readonly Candidate[]): Candidate[] {
  const known = new Map<string, string>();
  for (const { name, summary } of commands) {
    const parts = name.split(' ');
    if (!typed.every((word, index) => parts[index] === word)) continue;
    const next = parts[typed.length];
    if (next === undefined || known.has(next)) continue;
    const group = parts.length > typed.length + 1 ? groups.find(({ value }) => value === next) : undefined;
    known.set(next, group?.description ?? summary);
  }
  if (typed.length === 0) known.set('help', 'About a command or a topic');
  return [...known].map(([value, description]) => ({ value, description }));
}

const longFlag = ([flags, description]: OptionTable[number]): Candidate[] => {
  const value = /--[\w-]+/.exec(flags)?.[0];
  return value ? [{ value, description }] : [];
};

/** `<profile>` of `--profile <profile>`; undefined where the option takes no value, or need not (`required`). */
function placeholderOf(flag: string, options: OptionTable, required: boolean): string | undefined {
  if (!flag.startsWith('-')) return undefined;
  const entry = options.find(([flags]) => flags.split(/[ ,]+/).includes(flag));
  const [, open, name] = /([<[])([^>\]]+)[>\]]/.exec(entry?.[0] ?? '') ?? [];
  return required && open === '[' ? undefined : name;
}

const valuesOf = (flag: string, options: OptionTable, values: Values): readonly Candidate[] => {
  const placeholder = placeholderOf(flag, options, false);
  return placeholder === undefined ? [] : expand(placeholder, values);
};

/** The placeholder of the n-th argument; the last one of `[services...]` stands for all that follow. */
function argumentAt({ args }: Command, index: number): string | undefined {
  const names = [...(args ?? '').matchAll(/[<[]([^>\]]+)[>\]]/g)].map((match) => match[1] as string);
  const last = names.at(-1);
  const name = names[index] ?? (last?.endsWith('...') ? last : undefined);
  return name?.replace(/\.\.\.$/, '');
}

/** `<bash|zsh|fish>` lists its values itself. */
const expand = (placeholder: string, values: Values): readonly Candidate[] =>
  placeholder.includes('|') ? placeholder.split('|').map((value) => ({ value, description: '' })) : values(placeholder);

const fitting = (candidates: readonly Candidate[], start: string): Candidate[] =>
  candidates.filter((entry) => entry === FILES || entry.value.startsWith(start));

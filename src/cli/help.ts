import { UserError } from '../core/errors.ts';
import { nearest } from '../core/suggest.ts';
import { commands } from './commands.ts';
import { GLOBAL } from './global-options.ts';
import { topicList, topics } from './help-topics.ts';

/** A command of commander: what help needs of it. */
interface Program {
  name(): string;
  readonly commands: readonly Program[];
  outputHelp(): void;
}

/** What is asked about by `help WORDS`, or by `help` behind a group's name; undefined for every other line. */
export function helpWords(argv: readonly string[]): string[] | undefined {
  const words = argv.filter((word, index) => !word.startsWith('-') && !takesValue(argv[index - 1] ?? ''));
  const [first = '', second, ...rest] = words;
  if (first === 'help') return words.slice(1);
  return second === 'help' && commands.some(({ name }) => name.startsWith(`${first} `)) ? [first, ...rest] : undefined;
}

const takesValue = (word: string): boolean => word.startsWith('--') && GLOBAL.some(([flags]) => flags.startsWith(`${word} `));

/** Prints help about a command, a group or a topic. @throws UserError USAGE for what there is not */
export function explain(root: Program, words: readonly string[]): void {
  const [first, ...rest] = words;
  const topic = rest.length === 0 && first !== undefined && topics.some(({ name }) => name === first);
  if (first === 'topic') process.stdout.write(topicText(root, rest));
  else if (topic) process.stdout.write(topicText(root, [first]));
  else find(root, words).outputHelp();
}

function topicText(root: Program, [name, ...rest]: readonly string[]): string {
  if (name === undefined) return `Topics (medianest help topic X):\n${topicList()}\n`;
  const topic = rest.length === 0 ? topics.find((entry) => entry.name === name) : undefined;
  if (!topic) {
    const near = nearest(name, topicNames);
    throw unknown('topic', ['topic', name, ...rest], near && ['topic', near]);
  }
  const command = root.commands.some((entry) => entry.name() === name);
  return `${topic.summary}\n\n${topic.text}\n${command ? `\nThe command: medianest ${name} --help\n` : ''}`;
}

function find(root: Program, words: readonly string[]): Program {
  let found = root;
  for (const [index, word] of words.entries()) {
    const names = found.commands.map((entry) => entry.name());
    const next = found.commands[names.indexOf(word)];
    if (!next) {
      const near = nearest(word, names) ?? (index === 0 ? nearest(word, topicNames) : undefined);
      throw unknown('command', words, near && [...words.slice(0, index), near]);
    }
    found = next;
  }
  return found;
}

const topicNames = topics.map(({ name }) => name);

function unknown(what: 'command' | 'topic', words: readonly string[], near: readonly string[] | undefined | ''): UserError {
  const all = what === 'topic' ? 'medianest help topic lists the topics' : 'medianest --help lists the commands and topics';
  const hint = near ? `did you mean \`medianest help ${near.join(' ')}\`?` : all;
  return new UserError('USAGE', `medianest help ${words.join(' ')}: there is no such ${what}`, hint);
}

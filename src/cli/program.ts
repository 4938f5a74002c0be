import { CommanderError, Help, Option, Command as Program } from 'commander';
import type { Command, Options } from '../capability/capability.ts';
import type { GlobalFlags } from '../capability/global-flags.ts';
import { UserError } from '../core/errors.ts';
import { commands, groups, sectionOf } from './commands.ts';
import { commandOf } from './complete.ts';
import { GLOBAL } from './global-options.ts';
import { explain, helpWords } from './help.ts';
import { topicList } from './help-topics.ts';

export interface Parsed {
  command: Command;
  args: string[];
  options: Options;
  flags: GlobalFlags;
}

/** At the end of each command's help. */
const EVERYWHERE = 'Everywhere: --profile, --json, --dry-run, ... (medianest help topic options)';

/** The command line -> a command with its arguments; undefined when help was printed. @throws UserError USAGE */
export function parseCommand(argv: string[], env: Readonly<Record<string, string | undefined>>, version: string): Parsed | undefined {
  let parsed: Parsed | undefined;
  const root = configure(new Program('medianest')).description(
    'Runs MediaNest, a portal for Plex, Overseerr and Uptime Kuma, with Docker Compose.',
  );
  root.version(version, '-V, --version', 'Print the version').enablePositionalOptions();
  root.addHelpText(
    'after',
    `\nExample: medianest up --profile dev-compose\nA command and its options: medianest help COMMAND\n\nTopics (medianest help topic X):\n${topicList()}`,
  );
  for (const [flags, description] of GLOBAL) root.addOption(globalOption(flags, description).hideHelp());
  for (const command of commands) {
    const leaf = configure(parentOf(root, command.name).command([command.name.split(' ').at(-1), command.args].filter(Boolean).join(' ')));
    if (leaf.parent === root) leaf.helpGroup(`${sectionOf(command.name)}:`);
    leaf.summary(command.summary).description(`Example: ${command.example}\n\n${command.summary}.`);
    // What is not named cannot be meant: its options, a thousand in all, need not be made.
    if (!argv.includes(command.name.split(' ').at(-1) as string)) continue;
    if (command.passThrough) leaf.passThroughOptions();
    for (const [flags, description] of command.options ?? []) leaf.option(flags, description);
    for (const [flags, description] of GLOBAL) leaf.addOption(globalOption(flags, description).hideHelp());
    leaf.addHelpText('after', `\n${EVERYWHERE}`);
    leaf.action(() => {
      const set = [...((root.opts().set as string[] | undefined) ?? []), ...((leaf.opts().set as string[] | undefined) ?? [])];
      const options: Options = { ...root.opts(), ...withoutUnset(leaf.opts()), ...(set.length > 0 && { set }) };
      parsed = { command, args: leaf.args, options, flags: globalFlags(options, env) };
    });
  }
  const asked = helpWords(argv);
  if (asked) {
    explain(root, asked);
    return undefined;
  }
  try {
    root.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    if (error.code === 'commander.help') return undefined;
    const name = error.code === 'commander.unknownCommand' ? undefined : commandOf(argv, commands)?.name;
    const hint = name ? `medianest help ${name} lists what it takes` : 'medianest --help lists the commands';
    throw new UserError('USAGE', error.message.replace(/^error: /, ''), hint, { cause: error });
  }
  return parsed;
}

/** `--set` collects one value each time: a list would swallow the words that follow it, the command included. */
function globalOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return flags.startsWith('--set ') ? option.argParser((value, before: string[] = []) => [...before, value]) : option;
}

function configure(program: Program): Program {
  return (
    program
      .exitOverride()
      // main reports errors; what is left is help for a line without a command.
      .configureOutput({ outputError: () => {}, writeErr: (text) => process.stdout.write(text) })
      .showSuggestionAfterError()
      .helpOption('-h, --help', 'Print this help')
      // See explain(): commander's own ends with 0 whatever it is asked about.
      .helpCommand(false)
      // The list of everything has no room for arguments.
      .configureHelp({ subcommandTerm: (entry) => (entry.parent?.parent ? new Help().subcommandTerm(entry) : entry.name()) })
      .allowExcessArguments(program.name() === 'medianest')
  );
}

/** `config show` -> the group `config`, made at its first command. */
function parentOf(root: Program, name: string): Program {
  const [group, leaf] = name.split(' ');
  if (!leaf || !group) return root;
  const known = root.commands.find((entry) => entry.name() === group);
  if (known) return known;
  return configure(root.command(group))
    .description(`${groups[group]?.summary}.`)
    .summary(`${groups[group]?.summary}`)
    .helpGroup(`${sectionOf(group)}:`);
}

/** `--no-x` options default to true: they must not hide what stood before the command. */
const withoutUnset = (options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([key, value]) => !(key === 'color' && value === true)));

function globalFlags(options: Options, env: Readonly<Record<string, string | undefined>>): GlobalFlags {
  const given = (key: string) => (typeof options[key] === 'string' ? (options[key] as string) : undefined);
  const text = (key: string, variable: string) => given(key) ?? (env[variable] || undefined);
  const on = (key: string, variable: string) => options[key] === true || isOn(env[variable]);
  const optional = {
    config: text('config', 'MEDIANEST_CONFIG'),
    // Settings too: the loader takes their variables, so that a flag wins over them.
    profile: given('profile'),
    project: given('project'),
    state: text('state', 'MEDIANEST_STATE'),
    without: text('without', 'MEDIANEST_WITHOUT'),
  };
  return {
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<GlobalFlags>),
    set: (options.set as string[] | undefined) ?? env.MEDIANEST_SET?.split('\n').filter(Boolean) ?? [],
    json: on('json', 'MEDIANEST_JSON'),
    quiet: on('quiet', 'MEDIANEST_QUIET'),
    verbose: on('verbose', 'MEDIANEST_VERBOSE'),
    yes: on('yes', 'MEDIANEST_YES'),
    dryRun: on('dryRun', 'MEDIANEST_DRY_RUN'),
    color: options.color !== false && !env.NO_COLOR && !isOn(env.MEDIANEST_NO_COLOR),
    waitLock: waitSeconds(options.waitLock ?? env.MEDIANEST_WAIT_LOCK),
  };
}

const isOn = (value: string | undefined): boolean => value === '1' || value === 'true';

function waitSeconds(value: unknown): number {
  if (value === undefined || value === '') return 0;
  if (value === true || value === 'true') return 600;
  const seconds = Number(value);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new UserError('USAGE', `--wait-lock ${value}: should be a number of seconds`, 'for example --wait-lock=60');
}
